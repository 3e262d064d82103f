#!/bin/bash
# tier: full
# timeout: 400
# Given a mounted ext4 under a verified load, and a snapshot of it with its COW store of 4 MiB in a file there, which dmeventd
#   watches with our plugin
# When three times as much is overwritten
# Then the store grows before it is full, the snapshot has the file of its moment, and nothing is left after its removal
. tests/lib/test.sh
. tests/lib/dmeventd.sh
. tests/lib/interposectl.sh
. tests/lib/settled.sh
requires_target snapshot

# write_more N: half a MiB, and as much time as the plugin needs
write_more() {
	dd if=/dev/urandom of="$at/data" bs=512k count=1 seek="$1" conv=notrunc,fsync status=none
	wait_until "the store has room" 120 has_room
}

has_room() {
	snapshot_numbers
	((used * 100 / total < 80))
}

interposectl_cleans
[[ -e /usr/sbin/interposectl ]] || cleanup rm -f /usr/sbin/interposectl
ln -sf "$INTERPOSECTL" /usr/sbin/interposectl
dev=$(partition "$(scratch a)" 128)
at=$(mkfs_mounted ext4 "$dev")
dd if=/dev/urandom of="$at/data" bs=1M count=12 conv=fsync status=none
sum=$(sha256sum <"$at/data")
fio_verify_start load "$at" --size=1M --rate_iops=10
interposectl_status 0 snapshot --name "$P-snap" --size 4M --file "$at/cow" "$at"
dmeventd_start
watched on --interval 1 "$P-snap"
for ((n = 0; n < 24; n++)); do
	write_more "$n"
done
snapshot_numbers
((total > 12 * 2048)) || fail "it has $total sectors: the test is broken"
said "snapshot $P-snap is [0-9]+ % full: the COW store of $P-snap is extended by" || fail "dmeventd says nothing of it"
watched off "$P-snap"
mkdir "$T_DIR/look"
cleanup unmount_if_there "$T_DIR/look"
mount -o ro "/dev/mapper/$P-snap" "$T_DIR/look"
equal "the file in the snapshot" "$sum" "$(sha256sum <"$T_DIR/look/data")"
umount "$T_DIR/look"
interposectl_status 0 snapshot --remove "$P-snap"
no_store_is_left "$at/cow"
no_store_is_left "$at/cow.2"
unharmed
test_done
