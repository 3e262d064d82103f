#!/bin/bash
# tier: full
# timeout: 300
# Given a raid1 of the kernel's own MD driver, which takes bios and not requests, under a verified load
# When interposers on it come and go
# Then I/O goes through each, none fails, and every block is verified
. tests/lib/test.sh
. tests/lib/cycles.sh
requires_target interpose delay

legs=("$(partition "$(scratch c)" 96)" "$(partition "$(scratch d)" 96)")
md_create 1 "${legs[@]}" --assume-clean --bitmap=none >/dev/null
fio_verify_start load /dev/md127 --numjobs=2 --size=32M --offset_increment=32M
cycles 3 /dev/md127 linear
cycles 3 /dev/md127 delay
fio_verify_stop load
test_done
