#!/bin/bash
# timeout: 200
# Given a mounted ext4 whose journal commits wait for a flush inside the interposer
# When it is removed, at work and suspended, so that device-mapper puts the data of a commit aside and the detach takes
#   it from there; and when another one is removed that has put nothing aside
# Then the removal waits until who did that has left the mapped device, and without such a bio it does not; the commit is
#   written and nothing fails
. tests/lib/test.sh
. tests/lib/kill.sh
requires_target interpose delay
requires_module fail-step
cleanup rmmod fail-step

step=/sys/module/fail_step/parameters/step
dev=$(partition "$(scratch a)" 64)
at=$(mkfs_mounted ext4 "$dev" noinit_itable)

# counted COMMAND…: sets $waits, how often the module waited for a grace period
counted() {
	echo "synchronize_rcu interpose 0 0" >"$step"
	"$@"
	waits=$(<"$step")
	echo >"$step"
}

# flush_stuck: a commit of the journal waits for its flush; sets $writer
flush_stuck() {
	interpose x "$dev" delay "$dev" 0 0 "$dev" 0 0 "$flushes" 0 0 >"$T_DIR/node"
	wait_until "the file system is thawed" 30 is_thawed
	stop flushes
	dd if=/dev/urandom of="$at/file" bs=4k count=1 conv=fsync status=none &
	writer=$!
	wait_until "a commit is waited for" 60 is_committing
}

is_thawed() {
	fsfreeze -f "$at" && fsfreeze -u "$at"
}

# The writer's own commit, or one that had begun before, which has what the writer needs
is_committing() {
	local values
	read -ra values <"$(sysfs_dir "/dev/mapper/$P-x")/inflight"
	((values[1] > 0)) && stands_in "$writer" "(jbd2_log_wait_commit|do_get_write_access)"
}

# waits_for_flush COMMAND…: it waits for the flush with the gate closed, and then not any more; sets $waits
waits_for_flush() {
	begin "$@"
	wait_until "the flush is waited for" 30 stands_in "$pid" dm_wait_for_completion
	pause 1
	stands_in "$pid" dm_wait_for_completion || fail "it does not wait for the flush: nothing has been tested"
	go_on flushes
	wait "$pid"
}

flushes=$(linear_create flushes "$(scratch b)")

flush_stuck
counted waits_for_flush dmsetup remove "$P-x"
((waits > 0)) || fail "the removal did not wait for who puts bios aside"
wait "$writer"

flush_stuck
waits_for_flush dmsetup suspend --noflush --nolockfs "$P-x"
counted dmsetup remove "$P-x"
((waits > 0)) || fail "the removal while suspended did not wait for who puts bios aside"
wait "$writer"

interpose x "$dev"
counted dmsetup remove "$P-x"
equal "grace periods without such a bio" 0 "$waits"
umount "$at"
fsck_clean "$dev"
test_done
