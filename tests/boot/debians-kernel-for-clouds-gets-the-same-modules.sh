#!/bin/bash
# tier: full
# timeout: 900
# kernel: stock-6.12-cloud
# Given a system with systemd and Debian's kernel for clouds, cloud-amd64, which has neither many drivers nor 9p
# When a mounted disk is interposed and detached again and again while files are written to it and synced, a snapshot of
#   it is made, and the modules are unloaded
# Then the modules that are built for that kernel load, the kernel sees all I/O go through, the snapshot stays as it
#   was, every file is what was written, and nothing is in the kernel log
. tests/lib/test.sh
. tests/lib/system.sh
. tools/splats.sh

system_made
uuid=$(data_disk b)
echo "UUID=$uuid /srv ext4 defaults 0 2" >>"$TREE/etc/fstab"
job <<'END'
echo kernel $(uname -r)
mkdir /srv/files
n=0
while [[ ! -e /run/enough ]]; do
	n=$((n + 1))
	dd if=/dev/urandom of=/srv/files/$n bs=64k count=4 conv=fsync status=none || echo failed: write $n
	sha256sum /srv/files/$n >>/root/sums
	n=$((n % 64))
	sed -i "/files.$((n + 1))\$/d" /root/sums
done &
load=$!
seen() { interposectl list -n -o NAME,REDIRECTED | sed -n 's/^x *//p'; }
for round in {1..10}; do
	interposectl -q attach --name x /dev/vdb linear /dev/vdb 0 || echo failed: attach $round
	before=$(seen)
	until (($(seen) > before + 20)); do sleep 0.2; done
	interposectl -q detach x || echo failed: detach $round
done
echo before >/srv/file
interposectl -q snapshot --ram --name moment /srv || echo failed: snapshot
echo after >/srv/file
mount -o ro,noload /dev/mapper/moment /mnt
echo file $(cat /mnt/file) $(cat /srv/file)
umount /mnt
interposectl -q snapshot --remove moment || echo failed: to remove the snapshot
>/run/enough
wait $load
sync
echo 3 >/proc/sys/vm/drop_caches
sha256sum --quiet -c /root/sums || echo failed: sums
echo files $(wc -l </root/sums)
modprobe -r dm-interpose && echo modules $(ls /sys/module | grep -c interpos)
poweroff
END
initrd_made "$T_DIR/initrd"
system_installed
system_boots --initrd "$T_DIR/initrd"
[[ $(said_line kernel) == 6.12.*-cloud-amd64 ]] || fail "the kernel is $(said_line kernel)"
[[ $said != *failed:* ]] || fail "$said"
equal "the file in the snapshot and on the disk" "before after" "$(said_line file)"
(($(said_line files) >= 10)) || fail "only $(said_line files) files were written: this test is broken"
equal "modules that are left" 0 "$(said_line modules)"
equal "what is wrong in the kernel log" "" "$(find_splats "$console")"
disk_clean a
disk_clean b
test_done
