#!/bin/bash
# tier: full
# timeout: 900
# Given an ext4 that is tracked, mounted and under a verified load
# When it is backed up in full and then twice more, the second time after a backup that was killed, and the oldest is pruned
# Then each one is, bit for bit, the snapshot that it was made from; those after the first are increments that read less
#   than a half; after all of it each file system is clean and the load has found its data
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target era snapshot
requires era_invalidate era_restore qemu-img qemu-nbd jq

# backup NAME: and what its snapshot is, as no one else will read it again
backup() {
	interposectl_status 0 backup --ram --size 64M --name "$1" --to "$T_DIR/store" "$at" \
		--hook-timeout 200 --exec-after "dd if=\$(echo /dev/mapper/backup-*) of=$T_DIR/$1 bs=1M conv=sparse status=none"
}

no_snapshot() {
	! compgen -G "/dev/mapper/backup-*" >"$T_DIR/left"
}

dev=$(partition "$(scratch a)" 64)
meta=$(partition "$(scratch b)" 64)
at=$(mkfs_mounted ext4 "$dev")
cleanup dm_remove_if_there "$P-x-origin"
cleanup dm_remove_if_there "$P-x"
cleanup unpin_if_there x
interposectl_cleans
interposectl_status 0 track on --wipe --tab "$T_DIR/tab" --name "$P-x" --meta "$meta" "$dev"
head -c 20000000 /dev/urandom >"$at/data"
fio_verify_start load "$at" --size=4M
backup a
says "full backup of"
echo b >"$at/b"
backup b
says "which have changed since a"
echo c >"$at/c"
"$INTERPOSECTL" backup --ram --size 64M --limit 100k --name killed --to "$T_DIR/store" "$at" >"$T_DIR/killed" 2>&1 &
killed=$!
wait_until "it copies" 60 compgen -G "$T_DIR/store/killed.*.unfinished"
kill -KILL "$killed"
wait "$killed" || true
wait_until "its snapshot is gone" 60 no_snapshot
backup c
says "which have changed since b"
fio_verify_stop load
umount "$at"
fsck_clean "$dev"
for name in a b c; do
	interposectl_status 0 restore --to "$T_DIR/restored" --yes "$T_DIR/store@$name"
	cmp "$T_DIR/restored" "$T_DIR/$name" || fail "$name is not the snapshot that it was made from"
	[[ $name == a ]] || (($(jq '.sources[0].bytes' "$T_DIR/store/$name.json") < 32 * 1048576)) || fail "$name has read a half or more"
done
interposectl_status 0 backup prune --keep 1 "$T_DIR/store"
interposectl_status 0 restore --to "$T_DIR/restored" --yes "$T_DIR/store@c"
cmp "$T_DIR/restored" "$T_DIR/c" || fail "pruned, it is another one"
e2fsck -fn "$T_DIR/restored" >"$T_DIR/fsck.log" 2>&1 || fail "the file system in it is not clean: $(<"$T_DIR/fsck.log")"
interposectl_status 0 track off --tab "$T_DIR/tab" "$dev"
test_done
