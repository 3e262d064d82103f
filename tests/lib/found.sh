# shellcheck shell=bash
# Whether the tools of an administrator, and of a boot, find something on a device: a file system, swap, a part of MD,
# LVM or LUKS. Source it after test.sh.

# shellcheck disable=SC2034 # for the test
KINDS=(ext4 xfs btrfs swap md lvm luks)
export MDADM_NO_UDEV=1

# asked COMMAND…: what it says is in $T_DIR/said. That it fails is an answer (swapon: 255), that it hangs is none.
asked() {
	local status=0
	in_time 60 "$@" >"$T_DIR/said" 2>&1 </dev/null || status=$?
	((status < 124 || status == 255)) || fail "status $status (124: it hangs) is no answer: $*"
	return "$status"
}

said() {
	grep -Eq -- "$1" "$T_DIR/said"
}

# lvm_asked FILTER COMMAND…: of nobody's configuration: nothing is known from before, and no devices file hides things
lvm_asked() {
	local config="use_devicesfile=0 obtain_device_list_from_udev=0 hints=\"none\" filter=$1"
	shift
	asked lvm "$@" --config "devices { $config }"
}

# only DEV: a filter for LVM
only() {
	echo "[\"a|^$1\$|\",\"r/.*/\"]"
}

# signature KIND DEV: makes one
signature() {
	case $1 in
	ext4 | xfs | btrfs) asked "mkfs.$1" -q "$2" ;;
	swap) asked mkswap "$2" ;;
	md)
		asked mdadm --create /dev/md127 --run --level=1 --force --raid-devices=1 --metadata=1.2 "$2"
		# the events of its coming would make it again
		be_patient
		[[ ! -e /run/udev/control ]] || udevadm settle --timeout=$((60 * patience))
		mdadm --stop --quiet /dev/md127
		;;
	lvm) lvm_asked "$(only "$2")" pvcreate "$2" ;;
	luks)
		echo secret >"$T_DIR/key"
		asked cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 "$2" "$T_DIR/key"
		;;
	esac || fail "no $1 on $2: $(<"$T_DIR/said")"
}

# looks KIND: the ways to look for it, as by_… below. Each says whether it is there, and leaves nothing in use.
looks() {
	case $1 in
	ext4) echo by_blkid by_blkid_cached by_mount by_dumpe2fs ;;
	xfs) echo by_blkid by_mount ;;
	btrfs) echo by_blkid by_mount by_btrfs_scan ;;
	swap) echo by_blkid by_swapon by_swaplabel ;;
	md) echo by_blkid by_mdadm_examine by_mdadm_assemble by_mdadm_scan ;;
	lvm) echo by_blkid by_pvs by_pvscan ;;
	luks) echo by_blkid by_luks_dump by_luks_open ;;
	esac
}

by_blkid() { asked blkid -p "$2"; }
by_blkid_cached() { asked blkid -c /dev/null "$2"; }
by_dumpe2fs() { asked dumpe2fs -h "$2"; }
by_btrfs_scan() { asked btrfs device scan "$2" && btrfs device scan --forget "$2"; }
by_swapon() { asked swapon "$2" && swapoff "$2"; }
by_swaplabel() { asked swaplabel "$2"; }
by_mdadm_examine() { asked mdadm --examine "$2"; }
by_mdadm_assemble() { asked mdadm --assemble --run /dev/md127 "$2" && mdadm --stop --quiet /dev/md127; }
by_pvs() { lvm_asked "$(only "$2")" pvs && said "$2"; }
by_pvscan() { lvm_asked "$(only "$2")" pvscan && said "PV $2"; }
by_luks_dump() { asked cryptsetup luksDump "$2"; }

by_mount() {
	local options=ro
	mkdir -p "$T_DIR/found"
	[[ $1 != xfs ]] || options=ro,nouuid,norecovery
	asked mount -t "$1" -o "$options" "$2" "$T_DIR/found" && umount "$T_DIR/found"
}

by_luks_open() {
	asked cryptsetup open --type luks --key-file "$T_DIR/key" "$2" "$P-open" && cryptsetup close "$P-open"
}

by_mdadm_scan() {
	echo "DEVICE $2" >"$T_DIR/mdadm.conf"
	asked mdadm --assemble --scan --run --config="$T_DIR/mdadm.conf" || true
	md_stopped
}

# md_stopped: what was assembled is taken apart again; false if there is nothing. Sets md_of to the parts.
md_stopped() {
	local md=(/sys/block/md*) parts
	md_of=''
	[[ -e ${md[0]} ]] || return 1
	parts=("${md[0]}"/slaves/*)
	# shellcheck disable=SC2034
	md_of=${parts[*]##*/}
	mdadm --stop --quiet "/dev/${md[0]##*/}"
}

# found_on KIND DEV, not_found_on KIND DEV: by each of the ways
found_on() {
	local look
	for look in $(looks "$1"); do
		"$look" "$1" "$2" || fail "$look finds no $1 on $2: $(<"$T_DIR/said")"
	done
}

not_found_on() {
	local look
	for look in $(looks "$1"); do
		! "$look" "$1" "$2" || fail "$look finds $1 on $2"
	done
}
