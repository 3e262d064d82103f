#!/bin/bash
# tier: full
# timeout: 1200
# kernel: debug
# Given a system with a mounted file system interposed under load, a snapshot of it that is mounted too, a pinned
#   interposer beneath another mount, and one of a disk that nobody uses
# When it is switched off, then restarted, both with all of these attached
# Then it comes to its end by itself, the file systems are clean, what was synced is there, and at the next boot
#   everything is attached again but the snapshot
. tests/lib/test.sh
. tests/lib/system.sh

system_made
uuid=$(data_disk b)
data_disk c >"$T_DIR/uuid"
mkdir "$TREE/srv/pinned" "$TREE/srv/data"
printf '%s\n' "UUID=$uuid /srv/data ext4 defaults 0 2" "/dev/vdc /srv/pinned ext4 defaults 0 2" >>"$TREE/etc/fstab"
cat >"$TREE/etc/interposetab" <<END
data    UUID=$uuid  -    snapshot-origin
pinned  /dev/vdc    pin  linear %d 0
unused  /dev/vdd    -    linear %d 0
END
job <<'END'
echo interposed $(interposectl list -n -o NAME | sort)
echo snapshots $(interposectl snapshot --list | wc -l)
[[ ! -e /srv/data/sums ]] || { cd /; sha256sum --quiet -c /srv/data/sums && echo synced yes; }
interposectl -q snapshot --name snap --size 64M --ram /srv/data
mount -o ro,noload /dev/mapper/snap /mnt
for at in data pinned; do
	dd if=/dev/urandom of=/srv/$at/file bs=64k count=32 conv=fsync status=none
	(while :; do dd if=/dev/urandom of=/srv/$at/load bs=64k count=32 conv=fsync status=none; done) &
done
sha256sum /srv/{data,pinned}/file >/srv/data/sums
sync -f /srv/data
sleep 1
echo snapshot $(dmsetup status snap)
echo 1 >>/root/boots
[[ $(wc -l </root/boots) != 2 ]] || reboot
poweroff
END
system_installed
for end in "Power down" "Restarting system" "Power down"; do
	system_boots
	console_has "reboot: $end"
	equal "interposed" "data pinned unused" "$(said_line interposed)"
	equal "snapshots at boot" 0 "$(said_line snapshots)"
	[[ $(said_line snapshot) == "0 "*" snapshot "*/131072* ]] || fail "the snapshot was not at work: $(said_line snapshot)"
	[[ ! ${synced:-} ]] || equal "what was synced" yes "$(said_line synced)"
	synced=yes
	disk_clean a
	disk_clean b
	disk_clean c
done
test_done
