#!/bin/bash
# timeout: 400
# kernel: debug
# Given an interposetab with a line for a disk in /etc/fstab, named by its UUID, and an inner target that records writes
# When a system with systemd boots, writes to the file system, and is switched off
# Then every write to that disk was recorded, from the first one of the mount to the last one of the unmount, the
#   interposer was stopped after that, and both file systems are clean
. tests/lib/test.sh
. tests/lib/system.sh

system_made
uuid=$(data_disk b)
echo "UUID=$uuid /srv ext4 defaults 0 2" >>"$TREE/etc/fstab"
echo "data UUID=$uuid - log-writes %d /dev/disk/by-id/virtio-scratch3" >"$TREE/etc/interposetab"
job <<'END'
echo list $(interposectl list -n -o NAME,DEVICE,INNER)
mountpoint -q /srv
dd if=/dev/urandom of=/srv/random bs=64k count=64 conv=fsync status=none
cp -r /etc /srv
sha256sum </srv/random >/srv/sum
poweroff
END
system_installed
disk_kept b
system_boots
equal "the list" "data vdb log-writes" "$(said_line list)"
console_in_order "Finished interpose@data.service" "Starting systemd-fsck@" "Mounting srv.mount" "Unmounted srv.mount" \
	"Stopped interpose@data.service" "reboot: Power down"
every_write_logged b c
disk_clean a
disk_clean b
test_done
