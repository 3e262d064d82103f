#!/bin/bash
# kernel: stock-6.12
# disks: virtio-blk (one guest for all that run on this kernel)
# timeout: 120
# Given a task that closes a disk while another device is interposed, on Debian's kernel as it is, and sleeps in what the hook has
#   called
# When the interposer is removed and the modules are unloaded
# Then that waits for the task, and after both the kernel's text is what it was
. tests/lib/test.sh
. tests/lib/kill.sh
requires_target linear
requires_module delay-step

step=/sys/module/delay_step/parameters/step

goes_on() {
	echo >"$step"
}

# unloading_waits: the module's own function is where rmmod sleeps, and not in one that it waits in for others
unloading_waits() {
	[[ $(head -n 1 "/proc/$pid/stack") == *stock_places_exit+* ]]
}

dev=$(partition "$(scratch a)" 64)
other=$(scratch b)
interpose x "$dev" >"$T_DIR/node"
cleanup rmmod delay-step
cleanup goes_on
echo disk_flush_events >"$step"
dd if="$other" of=/dev/null bs=4k count=1 status=none &
closing=$!
wait_until "the task sleeps as it closes the disk" 30 stands_in "$closing" delay_step_wait
[[ $(<"/proc/$closing/stack") == *stock_hook_release* ]] || fail "it is not in the hook: this test is broken"
dmsetup remove "$P-x"
begin rmmod dm-interpose blk-interposer
wait_until "the unloading waits for the task" 60 unloading_waits
[[ -e /sys/module/blk_interposer ]] || fail "the module has gone"
is_gone "$closing" && fail "the task has gone: this test is broken"
goes_on
wait "$closing" "$pid"
[[ ! -e /sys/module/blk_interposer ]] || fail "the module is still there"
not grep -qE '^(bdev_release|submit_bio_noacct) ' /sys/kernel/tracing/enabled_functions
dd if="$other" of=/dev/null bs=4k count=1 status=none
interpose x "$dev" >"$T_DIR/node"
dd if="$dev" of=/dev/null bs=4k count=1 iflag=direct status=none
equal "redirected" 1 "$(interposer_redirected x)"
dmsetup remove "$P-x"
test_done
