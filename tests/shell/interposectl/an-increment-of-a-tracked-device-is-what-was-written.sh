#!/bin/bash
# tier: full
# timeout: 600
# Given an ext4 whose changes interposectl tracks, not mounted, and a directory for backups
# When it is written to and backed up in turns, and in the end mounted behind the tracking's back
# Then each increment reads what was written and no more, and is restored as the device was; what nobody recorded makes a
#   full backup, which says why and is right
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target era
requires era_invalidate era_restore qemu-img qemu-nbd jq

backup() {
	interposectl_status 0 backup --no-snapshot --name "$1" --to "$T_DIR/store" "$dev"
	dd if="$dev" of="$T_DIR/$1" bs=1M iflag=direct status=none
}

# write_to MIB: 64 KiB there
write_to() {
	head -c 65536 /dev/urandom | dd of="$dev" bs=64k seek=$(($1 * 16)) oflag=direct iflag=fullblock conv=notrunc status=none
}

mkdir "$T_DIR/at"
cleanup unmount_if_there "$T_DIR/at"
interposectl_cleans
disk=$(scratch a)
dev=$(partition "$disk" 32)
meta=$(partition "$(scratch b)" 64)
cleanup rm -rf "$T_DIR/store"
mkfs.ext4 -qF "$dev"
interposectl_status 0 track on --wipe --tab "$T_DIR/tab" --name "$P-x" --meta "$meta" "$dev"
cleanup dm_remove_if_there "$P-x"
cleanup unpin_if_there x
backup a
says "full backup of $dev (there is no good backup of this series yet)"
write_to 1
write_to 9
backup b
says "which have changed since a"
block=$(dmsetup table "$P-x" | grep -o '[0-9]*$')
equal "bytes that were read" $((2 * (block > 128 ? block : 128) * 512)) "$(jq '.sources[0].bytes' "$T_DIR/store/b.json")"
backup c
equal "bytes that were read" 0 "$(jq '.sources[0].bytes' "$T_DIR/store/c.json")"
interposectl -q unpin "$P-x"
interposectl -q detach "$P-x"
mount "$dev" "$T_DIR/at"
echo new >"$T_DIR/at/file"
umount "$T_DIR/at"
interposectl_status 0 start --tab "$T_DIR/tab" "$P-x"
backup d
says "full backup of $dev (" "full backup needed"
for name in a b c d; do
	interposectl_status 0 restore --to "$T_DIR/restored" --yes "$T_DIR/store@$name"
	cmp "$T_DIR/restored" "$T_DIR/$name" || fail "$name is another one"
done
interposectl_status 0 track off --tab "$T_DIR/tab" "$dev"
test_done
