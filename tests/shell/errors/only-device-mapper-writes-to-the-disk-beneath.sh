#!/bin/bash
# timeout: 240
# vm: --append bdev_allow_write_mounted=0
# Given a mounted and interposed ext4, where the kernel lets nobody write to a mounted device
# When programs write to the disk beneath, or claim it, also to read only: mount -o ro replays the journal
# Then each fails as busy, nothing has changed there, and the kernel log says what to use; whoever only reads may, with
#   O_DIRECT too; tables of device-mapper open it as ever, before and after the module was loaded anew
. tests/lib/test.sh
requires mdadm
requires_target snapshot interpose
requires_module fail-step
cleanup rmmod fail-step
step=/sys/module/fail_step/parameters/step

dev=$(partition "$(scratch a)" 16)
cow=$(partition "$(scratch b)" 16)
at=$(mkfs_mounted ext4 "$dev")
expect_error "busy" -- dd if=/dev/zero of="$dev" bs=512 count=1 seek=2 conv=notrunc status=none
second=$T_DIR/second
mkdir "$second"
cleanup unmount_if_there "$second"

# busy COMMAND…: fails, since somebody has it
busy() {
	local status=0
	"$@" >"$T_DIR/said" 2>&1 || status=$?
	((status > 0 && status < 126)) || fail "status $status of: $*"
	grep -qiE 'busy|in use' "$T_DIR/said" || fail "'$*' says: $(<"$T_DIR/said")"
	equal "data beneath after $1" "$sum" "$(device_sum "$beneath")"
}

no_memory_once() {
	modprobe dm-interpose
	echo "dm_get_device interpose 1 -12" >"$step"
	expect_error "Cannot allocate memory" -- dmsetup create "$P-x" \
		--table "0 $(sectors "$dev") interpose $dev linear $dev 0"
	equal "calls" 1 "$(<"$step")"
	echo >"$step"
	not dm_exists "$P-x"
}

for round in first second; do
	interpose x "$dev" >"$T_DIR/node"
	beneath=$(interposer_beneath x)
	random_fill "$at/file" 1
	fsfreeze -f "$at" # nobody but the test writes
	sum=$(device_sum "$beneath")

	busy dd if=/dev/zero of="$beneath" bs=512 count=1 seek=2 conv=notrunc status=none
	dmesg_since_start
	[[ $log == *"may only read ${beneath#/dev/}; to write, use ${dev#/dev/} or a mapped device"* ]] ||
		fail "the kernel log does not say what to use"
	busy dd if=/dev/zero of="$beneath" bs=4k count=1 oflag=direct conv=notrunc status=none
	busy mount "$beneath" "$second"
	busy mount -o ro "$beneath" "$second"
	busy mount -o ro,noload "$beneath" "$second"
	busy mkfs.ext4 -qF "$beneath"
	busy tune2fs -L other "$beneath"
	busy wipefs --all "$beneath"
	busy blkdiscard -f "$beneath"
	busy mkswap "$beneath"
	busy losetup "$(losetup --find)" "$beneath" # with --find it tries for ever
	busy mdadm --create /dev/md127 --run --level=1 --raid-devices=2 "$beneath" missing

	# who reads
	equal "type" ext4 "$(blkid -po value -s TYPE "$beneath")"
	dd if="$beneath" of="$T_DIR/copy" bs=1M iflag=direct status=none
	equal "the copy" "$sum" "$(sha256sum <"$T_DIR/copy" | cut -d' ' -f1)"
	e2fsck -fn "$beneath" >"$T_DIR/e2fsck" 2>&1 || grep -q "recovery\|Free blocks\|clean" "$T_DIR/e2fsck"
	fsfreeze -u "$at"

	# who is device-mapper
	dd if=/dev/zero of="$cow" bs=4k count=1 conv=fsync status=none
	dmsetup suspend "$P-x"
	dm_create snap "0 $(sectors "$dev") snapshot $beneath $cow P 8" >"$T_DIR/node"
	dmsetup resume "$P-x"
	mount -o ro "/dev/mapper/$P-snap" "$second"
	cmp "$at/file" "$second/file"
	umount "$second"
	dmsetup remove "$P-snap"
	raw=$(linear_create raw "$beneath")
	dd if="$raw" of="$raw" bs=4k count=1 iflag=direct oflag=direct conv=notrunc status=none
	dmsetup remove "$P-raw"
	dmsetup remove "$P-x"
	wait_until "the disk beneath is gone" 10 test ! -e "$beneath"
	rmmod dm_interpose
	# the first table of all opens the disk beneath once, to learn who device-mapper is
	[[ $round == second ]] || no_memory_once
done
umount "$at"
fsck_clean "$dev"
test_done
