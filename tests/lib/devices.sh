# shellcheck shell=bash
# Devices and file systems for tests. Each function that makes something registers its removal first, prints the
# path where there is one, and may be called in $( ).

# devno DEV: as device-mapper writes it, "254:16"
devno() {
	stat -Lc '%Hr:%Lr' "$1"
}

# sysfs_dir DEV: where sysfs tells of it. Without udev a node in /dev/mapper has no other name.
sysfs_dir() {
	if [[ $1 != /dev/mapper/* && -d /sys/class/block/${1##*/} ]]; then
		echo "/sys/class/block/${1##*/}"
	else
		echo "/sys/dev/block/$(devno "$1")"
	fi
}

sectors() {
	echo "$(<"$(sysfs_dir "$1")/size")"
}

# io_stat DEV FIELD: a field of /sys/class/block/…/stat by name. Counters of partitions exist too.
io_stat() {
	local fields=(reads reads_merged read_sectors read_ms writes writes_merged write_sectors write_ms in_flight
		io_ms queue_ms discards discards_merged discard_sectors discard_ms flushes flush_ms) values i
	read -ra values <"$(sysfs_dir "$1")/stat"
	for i in "${!fields[@]}"; do
		[[ ${fields[i]} != "$2" ]] || {
			echo "${values[i]}"
			return
		}
	done
	fail "no such counter: $2"
}

# total_reaches SYSFS-DIR N: reads and writes together
total_reaches() {
	local values
	read -ra values <"$1/stat"
	((values[0] + values[4] >= $2))
}

# wait_io DEV [N]: until N (100) more requests have gone through it
wait_io() {
	local dir values
	dir=$(sysfs_dir "$1")
	read -ra values <"$dir/stat"
	wait_until "I/O goes through $1" 60 total_reaches "$dir" $((values[0] + values[4] + ${2:-100}))
}

# shellcheck source-path=SCRIPTDIR source=../../tools/vm/disks.sh
. "$REPO/tools/vm/disks.sh"

# disk LETTER: the path of a scratch disk, as it is. It may be /dev/vda, /dev/sda, /dev/nvme0n1 …, with any number.
disk() {
	local letters=_abcd before
	before=${letters%"$1"*}
	disk_node "${#before}" || fail "there is no scratch disk $1"
}

# disk_of PARTITION: the disk that it is a partition of
disk_of() {
	local dir
	dir=$(realpath "/sys/class/block/${1##*/}")
	[[ -e $dir/partition ]] || fail "$1 is no partition"
	dir=${dir%/*}
	echo "/dev/${dir##*/}"
}

# part DEV N: the path of its Nth partition; DEV may be the letter of a scratch disk
part() {
	[[ $1 != [a-d] ]] || set -- "$(disk "$1")" "$2"
	case $1 in
	*[0-9]) echo "$1p$2" ;;
	*) echo "$1$2" ;;
	esac
}

# scratch LETTER: that disk, wiped and without partitions
scratch() {
	local dev
	dev=$(disk "$1")
	blkdiscard -z "$dev" # refuses a device that is in use
	blockdev --rereadpt "$dev"
	echo "$dev"
}

# partition DEV [SIZE…]: cuts it into partitions of these sizes (MiB), or one of 512; prints the first one's path
partition() {
	local dev=$1 last size
	shift
	for size in "${@:-512}"; do
		echo "size=${size}M"
	done | sfdisk -q --wipe always "$dev" >&2
	last=$(part "$dev" $(($# ? $# : 1)))
	wait_until "$last is there" 10 test -b "$last"
	part "$dev" 1
}

dm_exists() {
	dmsetup info "$1" >/dev/null 2>&1
}

dm_remove_if_there() {
	local retry=()
	[[ ! -e /run/udev/control ]] || retry=(--retry) # udev's own short look at the device is no leak
	! dm_exists "$1" || dmsetup remove "${retry[@]}" "$1"
}

# dm_create NAME TABLE [dmsetup options]: /dev/mapper/$P-NAME
dm_create() {
	local name=$P-$1 table=$2
	shift 2
	cleanup dm_remove_if_there "$name"
	dmsetup create "$name" "$@" <<<"$table"
	echo "/dev/mapper/$name"
}

# dm_reload NAME TABLE: another table, in force when this returns
dm_reload() {
	dmsetup load "$P-$1" <<<"$2"
	dmsetup suspend "$P-$1"
	dmsetup resume "$P-$1"
}

# linear_create NAME DEV [START-SECTOR] [SECTORS]: a plain linear device, such as LVM makes
linear_create() {
	local start=${3:-0}
	dm_create "$1" "0 ${4:-$(($(sectors "$2") - start))} linear $2 $start"
}

null_blk_remove() {
	[[ ! -d /sys/kernel/config/nullb/$1 ]] || rmdir "/sys/kernel/config/nullb/$1"
}

# null_blk_create NAME [attribute=value…]: 256 MiB in memory, unless the attributes say otherwise
null_blk_create() {
	local name=$P$1 option dir
	dir=/sys/kernel/config/nullb/$name
	shift
	modprobe null_blk nr_devices=0
	cleanup null_blk_remove "$name"
	mkdir "$dir"
	for option in size=256 memory_backed=1 "$@" power=1; do
		echo "${option#*=}" >"$dir/${option%%=*}"
	done
	wait_until "$name has its node" 10 test -b "/dev/$name"
	echo "/dev/$name"
}

loop_detach() {
	local dev
	for dev in $(losetup -nO NAME -j "$1"); do
		losetup -d "$dev"
	done
}

loop_remove() {
	loop_detach "$1"
	rm -f "$1"
}

# loop_create SIZE [losetup options]: a loop device over a sparse file
loop_create() {
	local file
	file=$(mktemp "$T_DIR/loop.XXXXXX")
	truncate -s "$1" "$file"
	shift
	cleanup loop_remove "$file"
	losetup -f --show "$@" "$file"
}

md_stop() {
	[[ ! -e /sys/block/md127/md ]] || mdadm --stop --quiet /dev/md127
}

# md_create LEVEL DEV DEV [mdadm options]: an array of the kernel's own MD driver
md_create() {
	local level=$1
	shift
	requires mdadm
	cleanup md_stop
	MDADM_NO_UDEV=1 mdadm --create /dev/md127 --run --quiet --level="$level" --raid-devices=2 --metadata=1.2 "$@" >&2
	echo /dev/md127
}

unmount_if_there() {
	! mountpoint -q "$1" || umount "$1"
}

# mkfs_mounted ext4|xfs|btrfs|f2fs DEV [mount options]: prints the mount point
mkfs_mounted() {
	local type=$1 dev=$2 at options=(-f)
	at=$T_DIR/mnt-${dev##*/}
	[[ $type != ext4 ]] || options=(-F)
	# mkfs.xfs refuses less than 300 MiB, with which the kernel has no trouble
	[[ $type != xfs ]] || (($(sectors "$dev") >= 300 * 2048)) || options+=(--unsupported)
	"mkfs.$type" -q "${options[@]}" "$dev" >&2
	mkdir -p "$at"
	cleanup unmount_if_there "$at"
	mount -t "$type" ${3:+-o "$3"} "$dev" "$at"
	echo "$at"
}

# Its exit status says nothing
fsck_f2fs() {
	fsck.f2fs --dry-run "$1" >"$T_DIR/fsck.f2fs.log" 2>&1 &&
		grep -E '\[FSCK\] .* \[Ok' "$T_DIR/fsck.f2fs.log" &&
		! grep -E '\[Fail\]|\[ASSERT\]' "$T_DIR/fsck.f2fs.log"
}

# fsck_clean DEV: of an unmounted file system; it looks and never repairs
fsck_clean() {
	case $(blkid -po value -s TYPE "$1") in
	ext4) e2fsck -fn "$1" ;;
	xfs) xfs_repair -n "$1" ;;
	btrfs) btrfs check --readonly "$1" ;;
	f2fs) fsck_f2fs "$1" ;;
	*) fail "no known file system on $1" ;;
	esac >"$T_DIR/fsck.log" 2>&1 || {
		cat "$T_DIR"/fsck*.log >&2
		fail "the file system on $1 is damaged"
	}
}

# device_sum DEV [MiB]: checksum of what the device holds, past the page cache
device_sum() {
	dd if="$1" bs=1M ${2:+count="$2"} iflag=direct status=none | sha256sum | cut -d' ' -f1
}

# random_fill DEV [MiB]: data that does not repeat, other data each time
random_fill() {
	fio --name=fill --filename="$1" --rw=write --bs=1M --direct=1 --size="${2:-$(($(sectors "$1") / 2048))}M" \
		--refill_buffers --randseed="$RANDOM$RANDOM" --output="$T_DIR/fill.log"
}
