#!/bin/bash
# tier: full
# timeout: 600
# Given an ext4, mounted and under load, and a directory for backups
# When interposectl backs it up, is killed while it backs it up again, and restores the backup
# Then the backup is the file system at its moment, which needs no repair; nothing is left of the snapshot, also of the
#   one of the command that was killed; and a device that is mounted or too small is not written to
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot
requires qemu-img qemu-nbd

passed() {
	[[ $(dmsetup ls) == "No devices found" && ! $(ls /run/interposectl) && ! $(losetup -nO NAME) ]]
}

interposectl_cleans
store=$T_DIR/store
dev=$(partition "$(scratch a)" 48)
spare=$(partition "$(scratch b)" 64 16)
at=$(mkfs_mounted ext4 "$dev")
echo old >"$at/file"
head -c 4000000 /dev/urandom >"$at/data"
sum=$(sha256sum <"$at/data")
fio_verify_start load "$at" --size=8M
interposectl_status 0 backup --ram --size 32M --name first --to "$store" --exec-after "echo new >$at/file" "$at"
says "$store/first.${dev##*/}.qcow2: full backup of"
passed || fail "it has left $(dmsetup ls) $(ls /run/interposectl)"
equal "the file" new "$(<"$at/file")"

# The process that is started becomes the other program
"$INTERPOSECTL" backup --ram --size 32M --limit 500k --name killed --to "$store" "$at" >"$T_DIR/killed" 2>&1 &
killed=$!
wait_until "it copies" 60 compgen -G "$store/killed.*.unfinished"
dm_exists "backup-$killed" || fail "it has no snapshot: this test is broken"
kill -KILL "$killed"
wait "$killed" || true
wait_until "its snapshot is gone" 60 passed
take_writes "$at"
interposectl_status 1 restore --yes --to "$dev" "$store"
says "$dev is mounted, or in use"
fio_verify_stop load
umount "$at"
fsck_clean "$dev"

interposectl_status 0 backup list "$store"
[[ $said != *killed* ]] || fail "the one that was killed is a backup"
interposectl_status 1 restore --yes --to "${spare%1}2" "$store"
says "too small"
interposectl_status 1 restore --to "$spare" "$store" </dev/null
says "add --yes"
interposectl_status 0 restore --yes --to "$spare" "$store"
qemu-img convert -f qcow2 -O raw "$store"/first.*.qcow2 "$T_DIR/raw"
cmp -n "$(stat -c %s "$T_DIR/raw")" "$spare" "$T_DIR/raw" || fail "it is another one"
rm "$T_DIR/raw"
fsck_clean "$spare"
mount "$spare" "$at"
equal "the file in the backup" old "$(<"$at/file")"
equal "its data" "$sum" "$(sha256sum <"$at/data")"
umount "$at"
test_done
