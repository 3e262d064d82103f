#!/bin/bash
# timeout: 300
# Given a mounted ext4 with an interposer
# When that is suspended
# Then the file system is frozen: a write waits, and so nothing waits at the interposer; resume thaws it
. tests/lib/test.sh
requires_target interpose

write_done() {
	[[ -e $T_DIR/written ]]
}

freeze_and_thaw() {
	fsfreeze -f "$at"
	fsfreeze -u "$at"
}

dev=$(partition "$(scratch a)" 256)
at=$(mkfs_mounted ext4 "$dev")
interpose x "$dev"
freeze_and_thaw
dmsetup suspend "$P-x"
expect_error "freeze" EBUSY -- in_time 30 fsfreeze -f "$at"
{
	dd if=/dev/zero of="$at/file" bs=4k count=1 conv=fsync status=none
	: >"$T_DIR/written"
} &
writer=$!
pause 3
not write_done
equal "bios at the interposer" 0 "$(interposer_held x)"
equal "state" held "$(interposer_state x)"
dmsetup resume "$P-x"
wait_until "the write is done" 30 write_done
wait "$writer"
equal "state" attached "$(interposer_state x)"
freeze_and_thaw
dmsetup remove "$P-x"
freeze_and_thaw
umount "$at"
fsck_clean "$dev"
test_done
