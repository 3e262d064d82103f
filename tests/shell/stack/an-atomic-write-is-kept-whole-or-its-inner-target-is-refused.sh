#!/bin/bash
# tier: full
# timeout: 240
# disks: virtio-scsi (scsi_debug and NVMe disks in one guest are more than lockdep bears, see scsi_disk_create)
# Given a SCSI disk that promises atomic writes of several blocks
# When it is interposed with a target that sends on what it gets, atomic writes work as before, also if they waited at
#   the gate or their memory is not aligned
# Then a target that may split them is refused, unless it is said that nobody makes any, or a file system is mounted
. tests/lib/test.sh
. tests/lib/vanish.sh
. tests/lib/inner.sh

dev=$(partition "$(scsi_disk_create delay=0 atomic_wr=1 atomic_wr_gran=1 atomic_wr_align=1 atomic_wr_max_length=32)" 64)
atomic=$(program atomic-write)
unit=$(<"$(sysfs_dir "$dev")/../queue/atomic_write_unit_max_bytes")
((unit > 4096)) || fail "the disk promises atomic writes of $unit bytes only"
size=$(sectors "$dev")

held() {
	(($(interposer_held x) > 0))
}

# create NAME [FEATURES…]: of the table
create() {
	inner_arguments "$1" "$dev"
	dmsetup create "$P-x" --table "0 $size interpose $dev ${*:2} $inner"
}

# waits_for COMMAND: an atomic write waits at the gate, until that command lets it go
waits_for() {
	dmsetup suspend --noflush "$P-x"
	"$atomic" "$dev" "$unit" "$unit" 3 &
	wait_until "it waits at the gate" 30 held
	dmsetup "$1" "$P-x"
	wait $!
}

cleanup dm_remove_if_there "$P-x"
"$atomic" "$dev" "$unit"
for name in linear delay log-writes flakey; do
	note "$name"
	create "$name"
	"$atomic" "$dev" "$unit" 0 20
	"$atomic" "$dev" 512 4096 2
	waits_for resume
	waits_for remove
done

for name in mirror snapshot-origin cache striped dust era; do
	note "$name"
	expect_error "promises atomic writes of up to $unit bytes" EOPNOTSUPP -- create "$name"
	"$atomic" "$dev" "$unit"
	create "$name" 1 no_atomic
	[[ $(dmsetup table "$P-x") == *"$(devno "$dev") 1 no_atomic ${inner%% *}"* ]] || fail "$(dmsetup table "$P-x")"
	equal "a larger one" "atomic write 0 of $unit bytes at 0: EOPNOTSUPP" "$("$atomic" "$dev" "$unit" || true)"
	"$atomic" "$dev" 512 # one block is never split
	dmsetup remove "$P-x"
	"$atomic" "$dev" "$unit"
done

expect_error "promises atomic writes" EOPNOTSUPP -- create linear-elsewhere
expect_error "promises atomic writes" EOPNOTSUPP -- dmsetup create "$P-x" --table \
	"0 8 interpose $dev linear $dev 0"$'\n'"8 $((size - 8)) interpose $dev linear $dev 8"
at=$(mkfs_mounted ext4 "$dev")
create snapshot-origin
echo some >"$at/file"
sync
dmsetup remove "$P-x"
umount "$at"
fsck_clean "$dev"
test_done
