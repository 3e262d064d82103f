# shellcheck shell=bash
# dmeventd, our plugin for it, and copy-on-write space on a logical volume. Source it after test.sh.

dmeventd_runs() {
	read -r daemon </run/dmeventd.pid && kill -0 "$daemon"
} 2>/dev/null

dmeventd_ended() {
	! dmeventd_runs
}

dmeventd_kill() {
	! dmeventd_runs || kill -KILL "$daemon"
	wait_until "dmeventd has ended" 30 dmeventd_ended
	rm -f /run/dmeventd.pid /run/dmeventd-{client,server}
}

# dmeventd_start: what it and its plugins say goes to $T_DIR/dmeventd.log
dmeventd_start() {
	cleanup dmeventd_kill
	dmeventd -f -l >>"$T_DIR/dmeventd.log" 2>&1 </dev/null &
	wait_until "dmeventd runs" 30 dmeventd_runs
}

# watched on|off|list …: interpose-monitor with the plugin that was built
watched() {
	local what=$1
	shift
	"$(program interpose-monitor)" "$what" --plugin "$(program libdevmapper-event-interpose.so)" "$@"
}

said() {
	grep -Eq -- "$1" "$T_DIR/dmeventd.log"
}

cow_group_remove() {
	! vgs "$P" >"$T_DIR/vgs" 2>&1 || vgremove -q --force --yes "$P" >"$T_DIR/vgs" 2>&1
}

# cow_group PV: a volume group of its own with a volume "cow" of 64 MiB on PV, for LVM without udev. Sets $cow
cow_group() {
	requires lvm
	export LVM_SYSTEM_DIR=$T_DIR/lvm
	mkdir -p "$LVM_SYSTEM_DIR"
	cat >"$LVM_SYSTEM_DIR/lvm.conf" <<-END
		devices { filter=["a|^$1\$|", "r|.*|"] use_devicesfile=0 obtain_device_list_from_udev=0 }
		activation { udev_sync=0 udev_rules=0 monitoring=0 }
		backup { backup=0 archive=0 }
	END
	cleanup cow_group_remove
	pvcreate -q "$1" >"$T_DIR/lvm.log"
	vgcreate -q "$P" "$1" >"$T_DIR/lvm.log"
	lvcreate -q --yes --wipesignatures n --size 64M --name cow "$P" >"$T_DIR/lvm.log"
	# shellcheck disable=SC2034 # for the test
	cow=/dev/mapper/$P-cow
}

# snapshot_fills PV RATE [MIB]: sets $dev (interposed as x, of 192 MiB, with a file system in which a verified load writes
# RATE, such as 4m, to places that are new until it has been through MIB), $at, $cow and $snap, a snapshot of it. A machine
# that is busy with others is not to extend it as fast as an idle one does.
snapshot_fills() {
	local size rate=${2/m/*1024}
	requires_target snapshot
	be_patient
	rate=$((${rate%k} / patience))k
	dev=$(partition "$(scratch a)" 192)
	at=$(mkfs_mounted ext4 "$dev")
	cow_group "$1"
	fio_verify_start load "$at" --bs=64k --size="${3:-128}M" --rate_iops=0 --rate=,"$rate"
	interpose x "$dev" snapshot-origin >"$T_DIR/node"
	size=$(sectors "$dev")
	wait_redirected x 20
	dmsetup suspend "$P-x"
	# shellcheck disable=SC2034
	snap=$(dm_create snap "0 $size snapshot $(interposer_beneath x) $cow P 128" --uuid "INTERPOSE-SNAP-$P-snap")
	dmsetup resume "$P-x"
}

# snapshot_numbers: sets $used and $total, in sectors; fails if it is lost
snapshot_numbers() {
	local status
	status=$(dmsetup status "$P-snap")
	[[ $status =~ \ snapshot\ ([0-9]+)/([0-9]+)\  ]] || fail "the snapshot is lost: $status"
	used=${BASH_REMATCH[1]}
	# shellcheck disable=SC2034
	total=${BASH_REMATCH[2]}
}

snapshot_gone() {
	! dm_exists "$P-snap"
}

uses_more_than() {
	snapshot_numbers
	((used > $1 * 2048))
}

# unharmed: whoever used the origin all the time
unharmed() {
	fio_verify_stop load
	umount "$at"
	fsck_clean "$dev"
}
