#!/bin/bash
# tier: full
# timeout: 2400
# kernel: plain
# Given a system that has made its initramfs with our hook and script, and an interposetab in which an inner target that
#   records writes is for the root device; from the sixth boot on it is pinned
# When it is restarted ten times with that initramfs, with writes to the root each time
# Then each time every write to the root device was recorded, from the mount on to the end of the shutdown, systemd takes
#   the interposer as started, and the file system is clean
. tests/lib/test.sh
. tests/lib/system.sh

system_made initramfs-tools-core klibc-utils libklibc busybox-static cpio dpkg gzip mawk
mkdir -p "$TREE/etc/initramfs-tools"/{conf.d,hooks,scripts}
printf 'MODULES=list\nBUSYBOX=auto\nCOMPRESS=gzip\n' >"$TREE/etc/initramfs-tools/initramfs.conf"
: >"$TREE/etc/initramfs-tools/modules"
kernels=("$TREE"/usr/lib/modules/*)
echo CONFIG_RD_GZIP=y >"$TREE/boot/config-${kernels[0]##*/}"
echo "root /dev/vda initramfs log-writes %d /dev/vdc" >"$TREE/etc/interposetab"
job <<'END'
if [[ ! -e /boot/initrd ]]; then
	mkinitramfs -o /boot/initrd
	poweroff
fi
echo interposed $(interposectl list -n -o NAME,DEVICE,INNER,MOUNTPOINT,PINNED)
echo unit $(systemctl is-active interpose@root)
echo 1 >>/root/boots
dd if=/dev/urandom of=/root/random bs=64k count=32 conv=fsync status=none
if [[ $(wc -l </root/boots) == 5 ]]; then
	sed -i 's/initramfs/initramfs,pin/' /etc/interposetab
	mkinitramfs -o /boot/initrd
fi
reboot
END
system_installed
system_boots --append rw
pinned=no
for ((boot = 1; boot <= 10; boot++)); do
	debugfs -R "dump /boot/initrd $T_DIR/initrd" "$DISKS/vda.raw" >"$T_DIR/log" 2>&1
	[[ -s $T_DIR/initrd ]] || fail "there is no initramfs"
	disk_kept a
	system_boots --initrd "$T_DIR/initrd"
	((boot <= 5)) || pinned=yes
	equal "interposed" "root vda log-writes / $pinned" "$(said_line interposed)"
	equal "the unit" active "$(said_line unit)"
	console_has "reboot: Restarting system"
	every_write_logged a c
	disk_clean a
	equal "boots" "$boot" "$(debugfs -R "cat /root/boots" "$DISKS/vda.raw" 2>"$T_DIR/log" | grep -c 1)"
done
test_done
