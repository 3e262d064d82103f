# shellcheck shell=bash
# Attaching and detaching over and over under load, and whether everything is then as it was. Source it after
# test.sh. The inner target's other device is the second disk.

# holder NAME: what DM's device of that name is called in /sys/block. No process is started.
holder() {
	local dir
	for dir in /sys/block/dm-*; do
		[[ $(<"$dir/dm/name") != "$P-$1" ]] || {
			echo "${dir##*/}"
			return
		}
	done
	fail "there is no device $P-$1"
}

# beneath DEV: the node of the disk beneath the hook, for a device that is interposed
beneath() {
	local found=("$(sysfs_dir "$1")"/holders/interpose*)
	[[ -e ${found[0]} ]] || fail "nothing interposes $1"
	echo "/dev/${found[0]##*/}"
}

# inner_line INNER DEV: the inner target with its arguments
inner_line() {
	case $1 in
	linear) echo "linear $2 0" ;;
	flakey) echo "flakey $2 0 3600 0" ;;
	era) echo "era $(disk b) $2 64" ;;
	delay) echo "delay $2 0 ${3:-5}" ;;
	snapshot-origin) echo "snapshot-origin" ;;
	*) fail "no line for $1" ;;
	esac
}

# cycle NAME DEV INNER: once, with I/O going through the inner target, and through a snapshot of it if it can have one
cycle() {
	local name=$1 dev=$2 inner=$3 size dir
	size=$(sectors "$dev")
	dmsetup create "$P-$name" --table "0 $size interpose $dev $(inner_line "$inner" "$dev")"
	dir=/sys/block/$(holder "$name")
	if [[ $inner == snapshot-origin ]]; then
		dmsetup create "$P-$name-snap" --table "0 $size snapshot $(beneath "$dev") $(disk b) N 8"
	fi
	wait_io_of "$dir" 30
	if [[ $inner == snapshot-origin ]]; then
		wait_until "the snapshot was copied to" 30 copied "$(sysfs_dir "$(disk b)")" "$copied_before"
		dmsetup remove "$P-$name-snap"
	fi
	dmsetup remove "$P-$name"
}

# wait_io_of SYSFS-DIR N: wait_io without looking for the directory
wait_io_of() {
	local values
	read -ra values <"$1/stat"
	wait_until "I/O goes through ${1##*/}" 60 total_reaches "$1" $((values[0] + values[4] + $2))
}

copied() {
	local values
	read -ra values <"$1/stat"
	((values[4] > $2))
}

# cycles N DEV INNER: that often, and then nothing is left
cycles() {
	local n=$1 dev=$2 inner=$3 i values copied_before
	cleanup dm_remove_if_there "$P-cycle"
	cleanup dm_remove_if_there "$P-cycle-snap"
	for ((i = 1; i <= n; i++)); do
		read -ra values <"$(sysfs_dir "$(disk b)")/stat"
		copied_before=${values[4]}
		cycle cycle "$dev" "$inner"
		((i % 10)) || note "$i cycles of $inner on $dev"
	done
}

hook_users_are() {
	[[ $(</sys/module/dm_interpose/parameters/hook_users) == "$1" ]]
}

disks() {
	local all=(/sys/block/*)
	echo "${all[*]##*/}"
}

disks_are() {
	[[ $(disks) == "$1" ]]
}

# references_note: how things are before the first attach. The hook is turned off a second after the last detach.
references_note() {
	wait_until "the hook is off, as nothing is interposed" 10 hook_users_are 0
	disks_before=$(disks)
	users_before=$(</sys/module/dm_interpose/refcnt)
}

# references_back DISK…: they are so again, and nobody keeps a partition of those disks open
references_back() {
	local disk
	wait_until "the disk beneath the hook is gone" 10 disks_are "$disks_before"
	equal "users of the module" "$users_before" "$(</sys/module/dm_interpose/refcnt)"
	wait_until "the hook is off" 10 hook_users_are 0
	for disk in "$@"; do
		blockdev --rereadpt "$disk"
	done
}

# load_options N: as much as can be, if there is time for many cycles
load_options() {
	echo "--numjobs=2"
	(($1 <= 20)) || echo "--rate_iops=0"
}

# cycles_on_ext4 N INNER
cycles_on_ext4() {
	local disk dev at
	requires_target interpose "$2"
	references_note
	scratch b >/dev/null
	disk=$(scratch a)
	dev=$(partition "$disk" 256)
	at=$(mkfs_mounted ext4 "$dev")
	# shellcheck disable=SC2046 # words on purpose
	fio_verify_start load "$at" --size=24M $(load_options "$1")
	cycles "$1" "$dev" "$2"
	fio_verify_stop load
	umount "$at"
	fsck_clean "$dev"
	references_back "$disk"
}

# cycles_on_raw_partition N INNER
cycles_on_raw_partition() {
	local disk dev
	requires_target interpose "$2"
	references_note
	scratch b >/dev/null
	disk=$(scratch a)
	dev=$(partition "$disk" 256)
	# shellcheck disable=SC2046
	fio_verify_start load "$dev" --size=96M --offset_increment=96M $(load_options "$1")
	cycles "$1" "$dev" "$2"
	fio_verify_stop load
	references_back "$disk"
}
