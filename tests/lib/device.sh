# shellcheck shell=bash
# The kinds of devices beneath an interposer, and what is tested with each; see tests/matrix/README.md. Source it after
# test.sh and recipe.sh.

# --- make_KIND sets DEV, a device of that kind of 64 MiB. The first disk is free for it.

make_loop() {
	DEV=$(loop_create 64M)
}

make_null_blk_mq() {
	DEV=$(null_blk_create mq size=64)
}

# A driver that takes bios itself
make_null_blk_bio() {
	DEV=$(null_blk_create bio size=64 queue_mode=0)
}

# Smaller: ciphers take long in an emulated processor
make_crypt() {
	requires_target crypt
	DEV=$(dm_create crypt "0 49152 crypt aes-xts-plain64 $(printf '%064d' 1) 0 $(scratch a) 0")
}

# Two partitions of one disk would be warned about
make_md_raid1() {
	local disk
	disk=$(scratch a)
	DEV=$(md_create 1 "$(linear_create leg1 "$disk" 0 133120)" "$(linear_create leg2 "$disk" 133120 133120)" \
		--assume-clean --bitmap=none)
}

# lvm_quietly COMMAND…: on the first disk alone, without udev and daemons
lvm_quietly() {
	lvm "$@" --config 'devices { filter=["a|^'"$(disk a)"'$|", "r|.*|"] use_devicesfile=0 obtain_device_list_from_udev=0 }
		activation { udev_sync=0 udev_rules=0 monitoring=0 } backup { backup=0 archive=0 }' >>"$T_DIR/lvm.log" 2>&1 || {
		cat "$T_DIR/lvm.log" >&2
		fail "lvm $*"
	}
}

volume_group_remove() {
	! dm_exists "$P-volume" || lvm_quietly vgremove --force "$P"
}

make_lv() {
	requires lvm
	scratch a >/dev/null
	cleanup volume_group_remove
	lvm_quietly pvcreate "$(disk a)"
	lvm_quietly vgcreate "$P" "$(disk a)"
	lvm_quietly lvcreate --yes --name volume --size 64M "$P"
	DEV=/dev/mapper/$P-volume
}

nbd_disconnected() {
	[[ ! -e /sys/block/nbd0/pid ]]
}

nbd_remove() {
	nbd_disconnected || nbd-client -d /dev/nbd0 >"$T_DIR/nbd.log"
	wait_until "the network block device is free" 30 nbd_disconnected
	modprobe -r nbd
	[[ ! -s $T_DIR/nbd.pid ]] || kill "$(<"$T_DIR/nbd.pid")"
	wait_until "its server has ended" 30 test ! -e "$T_DIR/nbd.pid"
}

# Its server runs beside it, on a socket in a file
make_nbd() {
	requires qemu-storage-daemon nbd-client
	cleanup nbd_remove
	modprobe nbd nbds_max=1
	truncate -s 64M "$T_DIR/nbd.raw"
	qemu-storage-daemon --daemonize --pidfile "$T_DIR/nbd.pid" \
		--blockdev driver=file,node-name=file,filename="$T_DIR/nbd.raw" \
		--nbd-server addr.type=unix,addr.path="$T_DIR/nbd.socket" \
		--export type=nbd,id=export,node-name=file,name=disk,writable=on
	nbd-client -unix "$T_DIR/nbd.socket" /dev/nbd0 -N disk >"$T_DIR/nbd.log" 2>&1 || {
		cat "$T_DIR/nbd.log" >&2
		fail "nbd-client does not connect"
	}
	DEV=/dev/nbd0
}

make_virtio_scsi() {
	DEV=/dev/sda
}

make_nvme() {
	DEV=/dev/nvme0n1
}

# --- what is tested

# copy_beneath DEV: of what the device holds while x is suspended
copy_beneath() {
	dmsetup suspend "$P-x" # era, which does nothing now, would give no status
	dd if="$beneath" of="$1" bs=1M iflag=direct oflag=direct status=none
	dmsetup resume "$P-x"
}

# era_has_all_changes: what differs between two copies, in blocks of 64 sectors, is in the list of what was written
era_has_all_changes() {
	local missing
	copy_beneath "$(disk c)"
	wait_redirected x 300
	copy_beneath "$(disk d)"
	dmsetup message "$P-x" 0 take_metadata_snap
	era_invalidate --metadata-snapshot --written-since 1 "$(disk b)" >"$T_DIR/era.xml"
	dmsetup message "$P-x" 0 drop_metadata_snap
	"$(program differing-blocks)" "$(disk c)" "$(disk d)" 32768 $((SIZE / 64)) | sort >"$T_DIR/differing"
	changed_blocks "$T_DIR/era.xml" 0 $((SIZE / 64 - 1)) | sort >"$T_DIR/listed"
	note "$(wc -l <"$T_DIR/differing") blocks differ, $(wc -l <"$T_DIR/listed") are in the list, of $((SIZE / 64))"
	(($(wc -l <"$T_DIR/differing") >= 10)) || fail "nothing was written: the test is broken"
	missing=$(comm -23 "$T_DIR/differing" "$T_DIR/listed")
	equal "blocks that have changed and are not in the list" "" "$missing"
}

# a_snapshot_does_not_change: snapshot-origin in the place of era
a_snapshot_does_not_change() {
	local snap sum
	dm_reload x "0 $SIZE interpose $DEV snapshot-origin"
	wait_redirected x
	dmsetup suspend "$P-x"
	snap=$(dm_create snap "0 $SIZE snapshot $beneath $(disk c) N 8")
	sum=$(device_sum "$beneath")
	dmsetup resume "$P-x"
	wait_redirected x 300
	equal "the snapshot" "$sum" "$(device_sum "$snap")"
	[[ $sum != "$(device_sum "$beneath")" ]] || fail "nothing was written: the test is broken"
	dmsetup remove "$snap"
}

# device_cell KIND: the test of this line
device_cell() {
	local at beneath
	scratch b >/dev/null
	scratch c >/dev/null
	scratch d >/dev/null
	"make_${1//-/_}"
	[[ -b $DEV ]] || fail "there is no device $DEV"
	SIZE=$(sectors "$DEV")
	at=$(mkfs_mounted ext4 "$DEV")
	fio_verify_start load "$at" --size=8M --fdatasync=32
	wait_io "$DEV"
	cleanup dm_remove_if_there "$P-snap"
	interpose x "$DEV" era "$(disk b)" "$DEV" 64 >/dev/null
	beneath=$(interposer_beneath x)
	wait_redirected x
	era_has_all_changes
	a_snapshot_does_not_change
	dmsetup remove "$P-x"
	wait_io "$DEV"
	fio_verify_stop load
	umount "$at"
	fsck_clean "$DEV"
}
