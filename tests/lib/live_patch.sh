# shellcheck shell=bash
# For tests with a live patch, that of tests/modules/live-patch.c: sourced after test.sh

live_patch=/sys/kernel/livepatch/live_patch

patch_through() {
	[[ $(<"$live_patch/transition") == 0 ]]
}

# patch_on PARAMETER…: of the module
patch_on() {
	modprobe live-patch "$@"
	wait_until "no task is without the patch" 60 patch_through
	equal "enabled" 1 "$(<"$live_patch/enabled")"
}

unpatched() {
	[[ ! -e $live_patch ]]
}

patch_off() {
	unpatched || echo 0 >"$live_patch/enabled"
	wait_until "no task is in the patch" 60 unpatched
	rmmod live-patch 2>/dev/null || true
}
