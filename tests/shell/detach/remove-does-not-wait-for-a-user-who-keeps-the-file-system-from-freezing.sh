#!/bin/bash
# timeout: 240
# Given a mounted ext4, and then an xfs, in which an ordinary user has a write under way that never ends: nobody can
#   freeze it
# When its interposer is removed, at once and by a deferred removal, with I/O on its way and after a suspend without
#   flush
# Then it is removed while that write is still under way, the file system takes writes, and so do removals of others
. tests/lib/test.sh
. tests/lib/kill.sh
. tests/lib/held.sh

dev=$(partition "$(scratch a)" 320)
other=$(partition "$(scratch b)" 64)

# attached: the interposer, made while the file system can be frozen, and then the user
attached() {
	interpose x "$dev" >"$T_DIR/node"
	held_begin
	fio_verify_start load "$at" --size=4M
	wait_redirected x
}

goes_on() {
	still_held
	in_time 30 dd if=/dev/zero of="$at/written" bs=4k count=1 conv=fsync status=none || fail "no write: $1"
	equal "holders of the device after $1" "" "$(ls "/sys/class/block/${dev#/dev/}/holders")"
	fio_verify_stop load
	other_goes_on other "$other"
	still_held
	held_end
}

for type in ext4 xfs; do
	held_mounted "$type" "$dev"

	attached
	in_time 30 dmsetup remove "$P-x" || fail "remove waits"
	goes_on "a removal"

	attached
	exec {opener}<"/dev/mapper/$P-x"
	dmsetup remove --deferred "$P-x"
	exec {opener}<&-
	wait_until "x is removed" 60 not_there x
	goes_on "a deferred removal"

	attached
	in_time 30 dmsetup suspend --noflush --nolockfs "$P-x"
	in_time 30 dmsetup remove "$P-x" || fail "remove waits"
	goes_on "a removal while suspended"

	umount "$at"
	fsck_clean "$dev"
done
test_done
