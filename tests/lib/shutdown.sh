# shellcheck shell=bash
# What removes mapped devices when a machine goes down. Source it after test.sh.

# shutdown_scripts NAME: all of them; the pinned interposer NAME must still be attached then, and be pinned
shutdown_scripts() {
	local log
	requires blkdeactivate
	expect_error "Device or resource busy" EBUSY -- dmsetup remove "$P-$1"
	dmsetup remove_all || true
	blkdeactivate "/dev/mapper/$P-$1" >"$T_DIR/blkdeactivate.one" 2>&1 || true
	# as blk-availability.service does
	blkdeactivate -u -l wholevg -m disablequeueing -r wait >"$T_DIR/blkdeactivate.all" 2>&1 || true
	for log in "$T_DIR"/blkdeactivate.*; do
		[[ $(<"$log") == *"deactivating"*"$P-$1"*skipping* ]] || fail "blkdeactivate has not tried: $(<"$log")"
	done
	equal "state" attached "$(interposer_state "$1")"
	equal "status" pinned "$(interposer_pinned "$1")"
}
