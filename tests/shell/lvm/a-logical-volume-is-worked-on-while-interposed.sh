#!/bin/bash
# tier: full
# timeout: 300
# vm: --udev
# Given a logical volume, interposed, with a mounted ext4 under load, udevd with our rule, and LVM with the documented
#   filter line
# When LVM refreshes, moves, extends, renames and tries to remove the volume, and lists all devices that it can find
# Then it does all but the removal, which it refuses because the volume is in use; it lists neither the disk beneath nor
#   the interposer; the interposer takes the new size with a reload, and the load never fails
. tests/lib/test.sh
. tests/lib/udev.sh
requires lvm
requires_target mirror

line=$(sed -n 's/^  \(global_filter = .*\)/\1/p' Documentation/admin-guide/device-mapper/dm-interpose.rst)
[[ $line ]] || fail "the document has no filter line"
export LVM_SYSTEM_DIR=$T_DIR/lvm
mkdir -p "$LVM_SYSTEM_DIR"
cat >"$LVM_SYSTEM_DIR/lvm.conf" <<END
devices { use_devicesfile=0 $line }
activation { monitoring=0 }
backup { backup=0 archive=0 }
END

group_remove() {
	! vgs "$P" >"$T_DIR/vgs" 2>&1 || vgremove -q --force --yes "$P"
}

does() {
	"$@" >"$T_DIR/said" 2>&1 || fail "status $? from $*: $(<"$T_DIR/said")"
}

# lists COMMAND…: it shows the volumes, and nothing of an interposer
lists() {
	does "$@"
	[[ $(<"$T_DIR/said") == *"$disk"* ]] || fail "$* does not list $disk: $(<"$T_DIR/said")"
	[[ ! $(<"$T_DIR/said") =~ interpose|"$P-x"|[Dd]uplicate ]] || fail "$* says: $(<"$T_DIR/said")"
}

udev_rule_install
disk=$(scratch a) other=$(scratch b)
cleanup group_remove
does pvcreate "$disk" "$other"
does vgcreate "$P" "$disk" "$other"
does lvcreate --yes --size 64M --name data "$P" "$disk"
dev=/dev/mapper/$P-data
at=$(mkfs_mounted ext4 "$dev")
fio_verify_start load "$at" --size=16M
interpose x "$dev" linear "$dev" 0
wait_redirected x

lists pvs -a
lists pvscan
lists lvmdiskscan
lists lvs -o +devices

does lvchange --refresh "$P/data"
wait_redirected x
expect_error "is used by another device" -- lvremove --yes "$P/data"
fio_verify_check load
does pvmove "$disk" "$other"
equal "the volume's disk" "$other" "$(lvs --noheadings -o devices "$P/data" | sed 's/(.*//; s/ //g')"
wait_redirected x
fio_verify_check load

# udevd reads the new end before the interposer has a table for that
expects_dmesg 'Buffer I/O error on dev dm-'
does lvextend -L +32M "$P/data"
equal "size" $((96 * 2048)) "$(sectors "$dev")"
dm_reload x "0 $((96 * 2048)) interpose $dev linear $dev 0"
does resize2fs "$dev"
wait_redirected x
does lvrename "$P" data renamed
dev=/dev/mapper/$P-renamed
wait_redirected x
lists pvs -a

fio_verify_stop load
dmsetup remove --retry "$P-x"
umount "$at"
fsck_clean "$dev"
test_done
