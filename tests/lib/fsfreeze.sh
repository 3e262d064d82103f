# shellcheck shell=bash
# File systems that their users freeze and thaw while interposers come and go. Source it after test.sh.

# late_write AT: a write that is under way until the file system is thawed
late_write() {
	rm -f "$T_DIR/written"
	{
		dd if=/dev/zero of="$1/late" bs=4k count=1 conv=fsync status=none
		: >"$T_DIR/written"
	} &
	writer=$!
}

late_written() {
	[[ -e $T_DIR/written ]]
}

still_frozen() {
	expect_error "freeze" EBUSY -- fsfreeze -f "$at"
	! late_written || fail "the file system was thawed: $1"
}

# thawed_once: no freeze is left
thawed_once() {
	wait_until "the write is done" 30 late_written
	wait "$writer"
	expect_error "unfreeze" EINVAL -- fsfreeze -u "$at"
}

# frozen_by_user FS: an interposer on a file system that its user freezes, before and after the attach. Sets dev and at.
frozen_by_user() {
	local sum
	dev=$(partition "$(scratch a)" 320)
	at=$(mkfs_mounted "$1" "$dev")
	random_fill "$at/file" 2
	sum=$(sha256sum <"$at/file")
	fsfreeze -f "$at"
	late_write "$at"
	interpose x "$dev"
	still_frozen "by the attach"
	wait_until "the gate is open" 10 state_is x attached
	equal "data" "$sum" "$(dd if="$at/file" bs=1M iflag=direct status=none | sha256sum)"
	dmsetup suspend "$P-x"
	still_frozen "by the suspend"
	dmsetup resume "$P-x"
	still_frozen "by the resume"
	dmsetup remove "$P-x"
	still_frozen "by the detach"
	fsfreeze -u "$at"
	thawed_once

	interpose x "$dev"
	fsfreeze -f "$at"
	late_write "$at"
	dmsetup remove "$P-x"
	still_frozen "by the detach"
	interpose x "$dev"
	fsfreeze -u "$at"
	thawed_once
	dmsetup remove "$P-x"
}

# frozen_by_suspend: what a suspend has frozen, the user thaws: that waits for the resume, like all I/O
frozen_by_suspend() {
	interpose x "$dev"
	dmsetup suspend "$P-x"
	fsfreeze -u "$at" &
	thaw=$!
	wait_until "the thaw has begun" 30 is_thawing
	late_write "$at"
	dmsetup resume "$P-x"
	wait "$thaw"
	thawed_once
	dmsetup suspend "$P-x"
	expect_error "freeze" EBUSY -- fsfreeze -f "$at"
	dmsetup resume "$P-x"
	dmsetup remove "$P-x"
}

# xfs thaws without any I/O
is_thawing() {
	(($(interposer_held x) > 0)) || ! kill -0 "$thaw"
}

state_is() {
	[[ $(interposer_state "$1") == "$2" ]]
}

# not_frozen: nothing has been left that would make a mount fail
not_frozen() {
	umount "$at"
	mount "$dev" "$at"
	umount "$at"
	fsck_clean "$dev"
}
