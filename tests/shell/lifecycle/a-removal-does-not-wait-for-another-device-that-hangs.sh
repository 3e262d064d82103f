#!/bin/bash
# Given two devices with interposers, of which one's disk does not answer
# When the interposer of that one is removed, and written data that is still in memory has to wait for the disk
# Then that of the other one is removed, made again, and refused, without waiting for it
. tests/lib/test.sh
. tests/lib/cycles.sh
requires_target interpose

disk=$(scratch a)
part=$(partition "$disk" 64 64)
other=${part%1}2
references_note
lower=$(dm_create lower "0 $(sectors "$part") linear $part 0")
lower_answers() {
	! dm_exists "$P-lower" || dmsetup resume "$P-lower"
}
cleanup lower_answers

interpose hung "$lower"
# nothing is in flight then, and the removal does not begin with a freeze
dmsetup suspend --noflush --nolockfs "$P-hung"
dd if=/dev/zero of="$lower" bs=64k count=16 conv=notrunc status=none & # its close writes back, and waits
writer=$!
writes_back() {
	grep -qs bdev_release "/proc/$1/stack"
}
wait_until "the writer closes the device" 30 writes_back "$writer"
dmsetup suspend --noflush --nolockfs "$P-lower"
dmsetup remove "$P-hung" &
removal=$!
wait_until "the removal closes the device that hangs, too" 30 writes_back "$removal"

dmsetup create "$P-other" --table "0 $(sectors "$other") interpose $other linear $other 0"
cleanup dm_remove_if_there "$P-other"
in_time 60 dmsetup remove "$P-other" || fail "the removal waits for another device"
expect_error "Invalid device sector" EINVAL -- in_time 60 dmsetup create "$P-other" \
	--table "0 $(sectors "$other") interpose $other linear $other nonsense"
writes_back "$removal" || fail "the other device does not hang any more"

dmsetup resume "$P-lower"
wait "$removal"
wait "$writer"
dmsetup remove "$P-lower"
references_back "$disk"
test_done
