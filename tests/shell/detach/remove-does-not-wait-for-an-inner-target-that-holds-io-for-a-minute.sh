#!/bin/bash
# timeout: 300
# Given a raw partition with a delay of a day inside, and verified asynchronous writes queued in there
# When the interposer is removed
# Then that does not wait for the day to end; no write fails, and every block is verified
. tests/lib/test.sh
requires_target interpose delay

dev=$(partition "$(scratch a)" 256)
interpose x "$dev" delay "$dev" 0 86400000
writes=$(io_stat "$dev" writes)
fio_verify_job load "$dev" --size=4M --numjobs=2 --offset_increment=4M --iodepth=32
wait_until "64 writes are queued" 40 has_redirected x 64
equal "writes that have reached the device" "$writes" "$(io_stat "$dev" writes)"

in_time 60 dmsetup remove "$P-x" || fail "the removal waits for the inner target"
fio_verify_wait load
test_done
