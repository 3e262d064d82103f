#!/bin/bash
# tier: full
# timeout: 1800
# kernel: debug
# Given a system with an ext4 that "interposectl track on --file" has put into interposetab, with the file on another
#   file system, and a point of it
# When the system is restarted, crashes with all mounted, and boots once with the file away; in each boot a file is written
# Then after the restart and after the crash the changes since the point are listed, with all that was written by then,
#   and each shutdown has unmounted both file systems; without the file the system boots, says why it is not tracked, and
#   the changes are not known afterwards; and the root file system is not tracked so
. tests/lib/test.sh
. tests/lib/system.sh

system_made thin-provisioning-tools
uuid=$(data_disk b)
space=$(data_disk c)
mkdir "$TREE/space"
{
	echo "UUID=$uuid /srv ext4 defaults 0 2"
	echo "UUID=$space /space ext4 defaults 0 2"
} >>"$TREE/etc/fstab"
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
	interposectl track on --file /srv/era / || echo root $?
	interposectl track on --file /space/era /srv
	interposectl changed --mark /srv >/root/point
	write
	echo line $(</etc/interposetab)
	echo point $(</root/point)
	until systemctl -q is-active interpose@interpose-vdb.service; do sleep 1; done
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
	mv /space/era /space/away
	reboot
	;;
4)
	echo attached $(interposectl list -n | wc -l)
	interposectl start interpose-vdb 2>&1 || true
	write
	mv /space/away /space/era
	reboot
	;;
5)
	changed
	interposectl changed --mark /srv >/root/point
	changed
	interposectl track off /srv
	echo left $(ls /space) $(</etc/interposetab)
	;;
esac
END
system_installed
system_boots
equal "the status for the root" 1 "$(said_line root)"
[[ $said == *"is mounted on /, which is attached in the initramfs"* ]] || fail "it does not say why"
series=$(said_line point)
equal "the line for the boot" \
	"interpose-vdb UUID=$uuid nofail,pin,series=${series%:*} era FILE=/space/era %d 128" "$(said_line line)"
disk_clean b
disk_clean c
mib=$((1 << 20))
for boot in restart crash; do
	system_boots
	equal "status after the $boot" 0 "$(said_line status)"
	(($(said_line bytes) >= mib)) || fail "only $(said_line bytes) bytes have changed"
	mib=$((mib + (1 << 20)))
done
disk_clean b
disk_clean c
system_boots
equal "attached without the file" 0 "$(said_line attached)"
[[ $said == *"cannot open /space/era, where it is recorded what changes"* ]] || fail "it does not say why"
system_boots
equal "status after the boot without it, and of a new point" "4 0" "$(said_line status | xargs)"
[[ $(said_line why | head -n 1) == *"full backup needed: "*"may have been mounted while it was not attached"* ]] ||
	fail "$(said_line why)"
equal "what is left" lost+found "$(said_line left)"
disk_clean b
disk_clean c
test_done
