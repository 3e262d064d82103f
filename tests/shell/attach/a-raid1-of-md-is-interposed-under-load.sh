#!/bin/bash
# tier: full
# timeout: 300
# Given a raid1 of the kernel's own MD driver, which takes bios and not requests, under a verified load
# When interposers on it come and go
# Then I/O goes through each, none fails, and every block is verified
. tests/lib/test.sh
. tests/lib/cycles.sh
requires_target interpose delay
requires mdadm

stop_raid() {
	[[ ! -e /sys/block/md127/md ]] || mdadm --stop --quiet /dev/md127
}

legs=("$(partition "$(scratch c)" 96)" "$(partition "$(scratch d)" 96)")
cleanup stop_raid
MDADM_NO_UDEV=1 mdadm --create /dev/md127 --run --quiet --level=1 --raid-devices=2 --metadata=1.2 \
	--assume-clean --bitmap=none "${legs[@]}"
fio_verify_start load /dev/md127 --numjobs=2 --size=32M --offset_increment=32M
cycles 3 /dev/md127 linear
cycles 3 /dev/md127 delay
fio_verify_stop load
test_done
