#!/bin/bash
# kernel: stock-6.12
# disks: virtio-blk (one guest for all that run on this kernel)
# timeout: 120
# Given a kernel of Debian's in which each function is that the hook has its places in, and is called, and a live patch
#   that makes bios take another way, so that they do not come to one of these
# When the modules are loaded
# Then they are not, and the message names the function; without the live patch they are loaded and work, also from within
#   a control group with the io controller
. tests/lib/test.sh
. tests/lib/control_group.sh
. tests/lib/live_patch.sh
requires_target linear

case $(uname -r) in
6.*) patched=blk_mq_submit_bio place=bio_integrity_prep ;;
*) patched=submit_bio_noacct_nocheck place=blk_cgroup_bio_start ;;
esac
dev=$(scratch a)
rmmod dm-interpose blk-interposer 2>/dev/null || true
cleanup patch_off
control_group io
for round in 1 2; do
	patch_on "function=$patched" ends=1
	expect_error "in this kernel a bio does not come to $place()" -- modprobe blk-interposer
	[[ ! -e /sys/module/blk_interposer ]] || fail "round $round: it is loaded"
	patch_off
	in_group modprobe blk-interposer
	interpose x "$dev" >"$T_DIR/node"
	dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct conv=notrunc status=none
	equal "redirected" 1 "$(interposer_redirected x)"
	dmsetup remove "$P-x"
	rmmod dm-interpose blk-interposer
done
test_done
