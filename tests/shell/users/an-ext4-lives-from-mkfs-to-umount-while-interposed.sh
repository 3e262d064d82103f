#!/bin/bash
# tier: full
# timeout: 240
# Given a partition that nobody uses, interposed
# When an ext4 is made on it, mounted, resized, trimmed, frozen, remounted, and unmounted, under load
# Then each of these works and goes through the interposer; after the detach the same data are there
. tests/lib/test.sh
requires_target interpose

dev=$(partition "$(scratch a)" 160)
interpose x "$dev"
redirected=$(interposer_redirected x)
mkfs.ext4 -q -F "$dev" 64M
has_redirected x $((redirected + 10))
at=$T_DIR/at
mkdir "$at"
cleanup unmount_if_there "$at"
mount -t ext4 "$dev" "$at"
fio_verify_start load "$at" --size=16M --fdatasync=32
wait_redirected x
resize2fs "$dev" >"$T_DIR/resize.log" 2>&1 || { cat "$T_DIR/resize.log" >&2; fail "resize2fs failed"; }
read -r _ size _ < <(df -B1M --output=target,size "$at" | tail -n 1)
((size > 120)) || fail "the file system has $size MiB"

random_fill "$at/trimmed" 32
sync -f "$at"
rm "$at/trimmed"
sync -f "$at"
discarded=$(io_stat "$(disk a)" discard_sectors)
fstrim "$at"
((($(io_stat "$(disk a)" discard_sectors) - discarded) * 512 >= 32 << 20)) || fail "nothing was discarded"

fsfreeze -f "$at"
fsfreeze -u "$at"
wait_redirected x
fio_verify_stop load
mount -o remount,ro "$at"
not touch "$at/file"
mount -o remount,rw "$at"
random_fill "$at/file" 4
sum=$(sha256sum <"$at/file")
umount "$at"
fsck_clean "$dev"
mount -t ext4 "$dev" "$at"
equal "file" "$sum" "$(sha256sum <"$at/file")"
umount "$at"
dmsetup remove "$P-x"
fsck_clean "$dev"
mount -t ext4 "$dev" "$at"
equal "file after the detach" "$sum" "$(sha256sum <"$at/file")"
umount "$at"
test_done
