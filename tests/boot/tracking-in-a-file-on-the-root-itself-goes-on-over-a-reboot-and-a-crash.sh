#!/bin/bash
# tier: full
# timeout: 2400
# kernel: debug
# Given a system with one disk, whose root file system, an ext4, "interposectl track on" tracks with a file in /var/lib, an
#   initramfs made after that, and a point
# When it is restarted with that initramfs, crashes, and boots once without it; in each boot a file is written
# Then after the restart and after the crash the changes since the point are listed, with all that was written by then;
#   after the boot without the initramfs they are not known, and a full backup is asked for; the file system is clean
. tests/lib/test.sh
. tests/lib/system.sh

system_made thin-provisioning-tools initramfs-tools-core klibc-utils libklibc busybox-static cpio dpkg gzip mawk
mkdir -p "$TREE/etc/initramfs-tools"/{conf.d,hooks,scripts}
printf 'MODULES=list\nBUSYBOX=auto\nCOMPRESS=gzip\n' >"$TREE/etc/initramfs-tools/initramfs.conf"
: >"$TREE/etc/initramfs-tools/modules"
kernels=("$TREE"/usr/lib/modules/*)
echo CONFIG_RD_GZIP=y >"$TREE/boot/config-${kernels[0]##*/}"
job <<'END'
echo 1 >>/root/boots
boot=$(wc -l </root/boots)
write() {
	dd if=/dev/urandom of=/root/file$boot bs=64k count=16 conv=fsync status=none
}
changed() {
	status=0
	interposectl changed --since $(</root/point) --format ranges / >/root/list 2>/root/why || status=$?
	echo status $status
	echo bytes $(($(cut -d ' ' -f 2 /root/list | tr '\n' '+') 0))
	echo why $(</root/why)
}
case $boot in
1)
	interposectl track on --file /var/lib/root.era /
	interposectl changed --mark / >/root/point
	cut -d ' ' -f 5 /etc/interposetab
	mkinitramfs -o /boot/initrd
	write
	;;
2)
	changed
	write
	interposectl track refresh
	sync
	echo "<0>reboot: Restarting system, by a crash" >/dev/kmsg # tools/vm/run looks for it
	echo b >/proc/sysrq-trigger
	sleep 1000
	;;
3)
	changed
	write
	;;
4)
	write
	;;
5)
	changed
	interposectl changed --mark / >/root/point
	changed
	;;
esac
poweroff
END
system_installed
system_boots --append rw
[[ $said == *"OWN=/var/lib/root.era"* ]] || fail "the line does not name the file"
[[ $said == *"update-initramfs -u"* ]] || fail "it does not say that the initramfs is to be made again"
debugfs -R "dump /boot/initrd $T_DIR/initrd" "$DISKS/vda.raw" >"$T_DIR/log" 2>&1
[[ -s $T_DIR/initrd ]] || fail "there is no initramfs"
mib=$((1 << 20))
for boot in restart crash; do
	system_boots --initrd "$T_DIR/initrd"
	equal "status after the $boot" 0 "$(said_line status)"
	(($(said_line bytes) >= mib)) || fail "only $(said_line bytes) bytes have changed"
	mib=$((mib + (1 << 20)))
done
# what systemd attaches then, has been mounted before
system_boots --append rw
system_boots --initrd "$T_DIR/initrd"
equal "status after the boot without it, and of a new point" "4 0" "$(said_line status | xargs)"
[[ $(said_line why | head -n 1) == *"full backup needed: "* ]] || fail "$(said_line why)"
disk_clean a
test_done
