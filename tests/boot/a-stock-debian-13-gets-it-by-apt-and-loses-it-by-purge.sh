#!/bin/bash
# tier: full
# timeout: 7200
# Given a stock Debian 13 as debootstrap and apt make it, with Debian's kernel 6.12, systemd, udev and initramfs-tools
# When our packages are installed with apt, so that DKMS builds the modules there, the mounted root gets a snapshot and then
#   a line in interposetab, the system is restarted ten times, the line is taken away, and the packages are purged
# Then the snapshot works without a restart and shows what was there, the root is interposed each time from the initramfs
#   on, and nothing is left in the end: no module, no file, no tree of DKMS, nothing in the initramfs
. tests/lib/test.sh
. tests/lib/debian.sh

debian_made
debian_does <<'END'
apt_does update
apt_does install ./dm-interpose-dkms_*.deb ./interposectl_*.deb
echo kernel $(uname -r)
dkms status
echo before >/srv/file
interposectl snapshot --ram --name before /
echo after >/srv/file
mount -o ro,noload /dev/mapper/before /mnt
echo file $(cat /mnt/srv/file) $(cat /srv/file)
umount /mnt
interposectl snapshot --remove before
echo left $(interposectl list -n -o NAME)
echo "root /dev/vda initramfs linear %d 0" >/etc/interposetab
update-initramfs -u
boots_next $(uname -r)
reboot
END
kernel=$(said_line kernel)
dkms_built "$kernel"
equal "the file in the snapshot and in the root" "before after" "$(said_line file)"
equal "what is interposed when the snapshot is removed" "" "$(said_line left)"

for boot in {1..10}; do
	debian_does <<-'END'
		now
		dd if=/dev/urandom of=/srv/random bs=64k count=32 conv=fsync status=none
		reboot
	END
	equal "the kernel, and what is interposed" "$kernel root vda linear /" "$(said_line now)"
	note "restarted $boot times"
done

debian_does <<'END'
rm /etc/interposetab
update-initramfs -u
boots_next $(uname -r)
reboot
END
debian_does <<'END'
now
# as if one had been used
modprobe dm-interpose
apt_does purge dm-interpose-dkms interposectl
echo files $(find / -xdev -path /srv -prune -o -path /share -prune -o -path /root -prune -o -iname '*interpos*' -print)
echo modules $(ls /sys/module | grep -i interpos)
echo modprobe $(modprobe dm-interpose 2>&1)
echo initramfs $(lsinitramfs /boot/initrd.img-* | grep -i interpos)
poweroff
END
equal "without the line" "$kernel" "$(said_line now)"
equal "files" "" "$(said_line files)"
equal "modules" "" "$(said_line modules)"
equal "in the initramfs" "" "$(said_line initramfs)"
[[ $(said_line modprobe) == *"dm-interpose not found"* ]] || fail "modprobe says: $(said_line modprobe)"
disk_clean a
test_done
