#!/bin/bash
# kernel: stock-6.12
# disks: virtio-blk (one guest for all that run on this kernel)
# timeout: 300
# Given a raw partition under load, on Debian's kernel as it is
# When a live patch replaces the very function in which the test inside the queue stands, before the hook comes and while it is
#   there, also while a task sleeps in a hook; and goes before the hook and after it
# Then each comes and goes through, no I/O fails, and all of it goes through the interposer and the patch
. tests/lib/test.sh
. tests/lib/kill.sh
. tests/lib/live_patch.sh
requires_target linear
requires_module delay-step

step=/sys/module/delay_step/parameters/step

goes_on() {
	echo >"$step"
}

# patched: the function is asked
patched() {
	local calls
	calls=$(</sys/module/live_patch/parameters/calls)
	more() {
		(($(</sys/module/live_patch/parameters/calls) >= calls + 20))
	}
	wait_until "the patch is called" 60 more
}

# unhooked: there is no trampoline of ours
unhooked() {
	! grep -E '^bio_integrity_prep ' /sys/kernel/tracing/enabled_functions | grep -q "direct"
}

dev=$(partition "$(scratch a)" 128)
other=$(scratch b)
modprobe dm-interpose
cleanup rmmod delay-step
cleanup goes_on
cleanup patch_off
fio_verify_start load "$dev"

# the patch first, and gone first
wait_until "the hook is out, as it was only tried" 60 unhooked
patch_on function=bio_integrity_prep answer=1
patched
interpose x "$dev" >"$T_DIR/node"
wait_redirected x 20
patched
patch_off
wait_redirected x 20

# the hook first, with a task that sleeps in it, and gone first
echo disk_flush_events >"$step"
dd if="$other" of=/dev/null bs=4k count=1 status=none &
sleeper=$!
wait_until "a task sleeps as it closes a disk" 60 stands_in "$sleeper" delay_step_wait
[[ $(<"/proc/$sleeper/stack") == *stock_hook_release* ]] || fail "it is not in the hook: this test is broken"
patch_on function=bio_integrity_prep answer=1
goes_on
wait "$sleeper"
wait_redirected x 20
patched
dmsetup remove "$P-x"
wait_until "the hook is out" 60 unhooked
patched
patch_off
fio_verify_stop load
test_done
