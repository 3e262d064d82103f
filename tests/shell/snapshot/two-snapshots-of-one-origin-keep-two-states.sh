#!/bin/bash
# tier: full
# timeout: 120
# Given a mounted ext4 under verified load, interposed with snapshot-origin
# When two snapshots of the disk beneath the hook are taken at different times
# Then each stays byte-identical, and they differ; one can be removed under load without harm to the other
. tests/lib/test.sh
requires_target snapshot

dev=$(partition "$(scratch a)" 32)
cow=$(partition "$(scratch b)" 256 256)
at=$(mkfs_mounted ext4 "$dev")
interpose x "$dev" snapshot-origin
beneath=$(interposer_beneath x)
fio_verify_start load "$at" --size=8M
wait_redirected x 50
dmsetup suspend "$P-x"
one=$(dm_create one "0 $(sectors "$dev") snapshot $beneath $cow P 32")
dmsetup resume "$P-x"
sum_one=$(device_sum "$one")
wait_redirected x
dmsetup suspend "$P-x"
two=$(dm_create two "0 $(sectors "$dev") snapshot $beneath ${cow%1}2 P 32")
dmsetup resume "$P-x"
sum_two=$(device_sum "$two")
wait_redirected x
[[ $sum_one != "$sum_two" ]] || fail "the snapshots do not differ: nothing has been tested"
equal "checksum of the first" "$sum_one" "$(device_sum "$one")"
dmsetup remove "$P-one"
wait_redirected x
equal "checksum of the second" "$sum_two" "$(device_sum "$two")"
fio_verify_stop load
dmsetup remove "$P-two"
dmsetup remove "$P-x"
umount "$at"
fsck_clean "$dev"
test_done
