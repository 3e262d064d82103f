#!/bin/bash
# tier: full
# timeout: 400
# Given an ext4 and an XFS that are mounted, each with a file that was removed while it is open
# When they are backed up without their free space
# Then the backup is, byte for byte, what the snapshot was before it was asked what is free
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot
requires qemu-img qemu-nbd

interposectl_cleans
dev=$(partition "$(scratch a)" 64)
copy="set -- /dev/mapper/backup-*; dd if=\$1 of=$T_DIR/before bs=1M iflag=direct status=none"
for type in ext4 xfs; do
	dd if=/dev/zero of="$dev" bs=1M count=64 oflag=direct status=none
	at=$(mkfs_mounted $type "$dev")
	exec {held}>"$at/open"
	head -c 1M /dev/urandom >&"$held"
	rm "$at/open"
	sync -f "$at"
	interposectl_status 0 backup --ram --size 32M --to "$T_DIR/$type" --skip-free --exec-after "$copy" "$at"
	says "KiB of free space were not read"
	interposectl_status 0 restore --no-verify --to "$T_DIR/restored" --yes "$T_DIR/$type"
	# of free space nothing is in it
	{ cmp -l "$T_DIR/before" "$T_DIR/restored" || true; } | awk '$3 { n++ } END { if (n) print n }' >"$T_DIR/changed"
	equal "bytes of the $type that have changed" "" "$(<"$T_DIR/changed")"
	rm -r "$T_DIR/restored" "${T_DIR:?}/$type"
	exec {held}>&-
	umount "$at"
	fsck_clean "$dev"
done
test_done
