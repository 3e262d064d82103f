#!/bin/bash
# tier: full
# timeout: 1500
# kernel: debug
# Given a system with a mounted ext4 that "interposectl track on" has put into interposetab, and a point of it
# When the system is restarted, crashes with the file system mounted, and boots once with its line of interposetab away;
#   in each boot a file is written
# Then after the restart and after the crash the changes since the point are listed, with all that was written by then;
#   after the boot without the line they are not known
. tests/lib/test.sh
. tests/lib/system.sh

system_made thin-provisioning-tools
uuid=$(data_disk b)
echo "UUID=$uuid /srv ext4 defaults 0 2" >>"$TREE/etc/fstab"
job <<'END'
echo 1 >>/root/boots
boot=$(wc -l </root/boots)
write() {
	dd if=/dev/urandom of=/srv/file$boot bs=64k count=16 conv=fsync status=none
}
changed() {
	status=0
	interposectl changed --since $(</root/point) --format ranges /srv >/root/list 2>/root/why || status=$?
	echo status $status
	echo bytes $(($(cut -d ' ' -f 2 /root/list | tr '\n' '+') 0))
	echo why $(</root/why)
}
case $boot in
1)
	interposectl track on --meta /dev/disk/by-id/virtio-scratch3 /srv
	interposectl changed --mark /srv >/root/point
	write
	echo line $(</etc/interposetab)
	reboot
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
	mv /etc/interposetab /etc/away
	reboot
	;;
4)
	echo attached $(interposectl list -n | wc -l)
	write
	mv /etc/away /etc/interposetab
	reboot
	;;
5)
	changed
	interposectl changed --mark /srv >/root/point
	changed
	;;
esac
END
system_installed
system_boots
equal "the line for the boot" "interpose-vdb UUID=$uuid nofail,pin era /dev/disk/by-id/virtio-scratch3 %d 128" \
	"$(said_line line)"
mib=$((1 << 20))
for boot in restart crash; do
	system_boots
	equal "status after the $boot" 0 "$(said_line status)"
	(($(said_line bytes) >= mib)) || fail "only $(said_line bytes) bytes have changed"
	mib=$((mib + (1 << 20)))
done
system_boots
equal "attached without the line" 0 "$(said_line attached)"
system_boots
equal "status after the boot without it, and of a new point" "4 0" "$(said_line status | xargs)"
[[ $(said_line why | head -n 1) == *"full backup needed: "*"may have been mounted while it was not attached"* ]] ||
	fail "$(said_line why)"
disk_clean b
test_done
