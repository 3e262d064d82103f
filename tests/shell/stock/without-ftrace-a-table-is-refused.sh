#!/bin/bash
# kernel: stock-6.12
# disks: virtio-blk (one guest for all that run on this kernel)
# timeout: 120
# Given Debian's kernel as it is, where kernel.ftrace_enabled is 0
# When the module is loaded, or a table
# Then that is refused, and the message names the function and the setting; nothing is left of it
# When it is 1 again, and a device is interposed
# Then that works, and the setting cannot be changed until the hook is out again
. tests/lib/test.sh

setting=/proc/sys/kernel/ftrace_enabled
ftrace() {
	echo "$1" >"$setting"
}

message="kernel.ftrace_enabled is 0"
dev=$(partition "$(scratch a)" 64)
table="0 $(sectors "$dev") interpose $dev linear $dev 0"
! grep -q '^blk_interposer ' /proc/modules || modprobe -r dm-interpose blk-interposer
cleanup ftrace 1
ftrace 0
expect_error "$message" -- modprobe dm-interpose
not grep '^\(blk\|dm\)_interpose' /proc/modules
ftrace 1
modprobe dm-interpose
wait_until "the hook is out, as it was only tried" 30 ftrace 0
expect_error "$message" -- dmsetup create "$P-x" --table "$table"
equal "mapped devices" "" "$(dmsetup ls | grep "^$P-x" || true)"
ftrace 1
interpose x "$dev" >"$T_DIR/node"
not ftrace 0
equal "setting" 1 "$(<"$setting")"
dd if="$dev" of=/dev/null bs=4k count=1 iflag=direct status=none
equal "redirected" 1 "$(interposer_redirected x)"
dmsetup remove "$P-x"
wait_until "the setting can be changed again" 30 ftrace 0
ftrace 1
test_done
