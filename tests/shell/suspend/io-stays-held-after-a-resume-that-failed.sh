#!/bin/bash
# tier: full
# timeout: 300
# Given a mounted ext4 and a raw partition under loads that sync after each write
# When a table that does not cover the device is loaded into interposers on both, and their resume fails
# Then I/O waits until the next good table, or until they are removed, and nothing fails
. tests/lib/test.sh
. tests/lib/sync-load.sh
requires_target interpose

# load NAME DEV SECTORS
load() {
	dmsetup load "$P-$1" --table "0 $3 interpose $2 linear $2 0"
}

fail_to_resume() {
	local name
	load x "$fs" $(($(sectors "$fs") - 8))
	load y "$raw" $(($(sectors "$raw") - 8))
	for name in x y; do
		expect_error "they must cover it exactly" EINVAL -- dmsetup resume "$P-$name"
	done
	both_stand_still
	fio_verify_check commits
	fio_verify_check flushes
}

sync_loads_start
both_create "linear DEV 0"
both_flush
fail_to_resume
load x "$fs" "$(sectors "$fs")"
load y "$raw" "$(sectors "$raw")"
both resume
both_go_through
fail_to_resume
both remove
both_go_on
sync_loads_stop
test_done
