#!/bin/bash
# timeout: 300
# Given a mounted ext4, and then an xfs, in which an ordinary user has a write under way that never ends: nobody can
#   freeze it
# When dmsetup is killed while it waits for the freeze in create, suspend and reload; and when the device is removed
#   while its create waits
# Then the command ends with that write still under way, an error names the device, other devices are not concerned, the
#   module stays; when the write ends, the file system is thawed, and each command works
. tests/lib/test.sh
. tests/lib/kill.sh
. tests/lib/held.sh

dev=$(partition "$(scratch a)" 320)
other=$(partition "$(scratch b)" 64)
table="0 $(sectors "$dev") interpose $dev linear $dev 0"

freezes() {
	grep -qs freeze_super /proc/[0-9]*/stack
}

# waits COMMAND…: it waits for the freeze, with the user's write under way; sets $pid
waits() {
	note "$*"
	held_begin
	begin "$@"
	wait_until "the file system is being frozen" 30 freezes
	pause 1
	! is_gone "$pid" || fail "it has not waited: nothing has been tested"
}

# given_up: it has ended, the freeze goes on, and nobody else waits
given_up() {
	still_held
	dmesg_since_start
	[[ $log == *"gave up waiting to freeze the file system on ${dev#/dev/}; I/O to it may be held "* ]] ||
		fail "no message names the device and says what is held"
	other_goes_on other "$other"
	expect_error "in use" -- rmmod dm_interpose
	still_held
	held_end
	in_time 30 dd if=/dev/zero of="$at/written" bs=4k count=1 conv=fsync status=none || fail "no write"
	wait_until "it is thawed" 30 is_thawed
	dmsetup info "$P-x" >"$T_DIR/info" 2>&1 || true
}

is_thawed() {
	! freezes && fsfreeze -f "$at" 2>/dev/null && fsfreeze -u "$at"
}

cleanup dm_remove_if_there "$P-x"
for type in ext4 xfs; do
	held_mounted "$type" "$dev"

	waits dmsetup create "$P-x" --table "$table"
	killed
	killed_ends
	given_up
	dm_remove_if_there "$P-x"

	waits dmsetup create "$P-x" --table "$table"
	in_time 30 dmsetup remove "$P-x" || fail "the removal waits for the create"
	not wait "$pid"
	given_up
	not dm_exists "$P-x"

	interpose x "$dev" >"$T_DIR/node"
	waits dmsetup suspend "$P-x"
	killed
	killed_ends
	dmsetup resume "$P-x" 2>"$T_DIR/said" || true
	given_up
	equal "state" attached "$(interposer_state x)"

	dmsetup load "$P-x" <<<"0 $(sectors "$dev") interpose $dev flakey $dev 0 3600 0"
	waits dmsetup resume "$P-x"
	killed
	killed_ends
	given_up
	dmsetup resume "$P-x"
	equal "inner target" flakey "$(interposer_inner_type x)"
	dmsetup remove "$P-x"

	umount "$at"
	fsck_clean "$dev"
done
test_done
