#!/bin/bash
# kernel: stock-6.12
# disks: virtio-blk (one guest for all that run on this kernel)
# timeout: 300
# Given a mounted ext4 under load, on Debian's kernel as it is
# When a table loads the modules, and they are unloaded as soon as it is removed, again and again, with dm-mod every time,
#   which has functions that blk-interposer calls by their address
# Then no I/O fails, dm-mod cannot go as long as blk-interposer is there, and after it the kernel's text is what it was
. tests/lib/test.sh
requires_target linear

# hooked: does anybody call in at the beginning of one of the functions?
hooked() {
	grep -qE '^(bio_integrity_prep|submit_bio_noacct|bdev_release) ' /sys/kernel/tracing/enabled_functions
}

# Not with modprobe -r, which takes along what nobody needs any more. Those that other tests have left go first.
only_dm_mod() {
	local module round
	for round in 1 2 3; do
		for module in /sys/module/dm_*; do
			module=${module##*/}
			[[ $module == dm_mod ]] || rmmod "$module" 2>/dev/null || true
		done
	done
	equal "users of dm-mod" "$1" "$(cd /sys/module/dm_mod/holders && echo *)"
}

only_dm_mod "$(grep -q '^blk_interposer ' /proc/modules && echo blk_interposer || echo '*')"
dev=$(partition "$(scratch a)" 128)
at=$(mkfs_mounted ext4 "$dev")
fio_verify_start load "$at"
for round in 1 2 3 4; do
	interpose x "$dev" >"$T_DIR/node"
	hooked || fail "the hook is not where it is looked for: this test is broken"
	wait_redirected x 20
	dmsetup remove "$P-x"
	only_dm_mod blk_interposer
	expect_error "Module dm_mod is in use by: blk_interposer" -- rmmod dm_mod
	rmmod blk_interposer
	not hooked
	[[ ! -e /sys/module/blk_interposer ]] || fail "round $round: blk-interposer is still there"
	rmmod dm_mod
	[[ ! -e /sys/module/dm_mod ]] || fail "round $round: dm-mod is still there"
	modprobe dm-mod
	wait_io "$dev" 20
done
fio_verify_stop load
umount "$at"
fsck_clean "$dev"
test_done
