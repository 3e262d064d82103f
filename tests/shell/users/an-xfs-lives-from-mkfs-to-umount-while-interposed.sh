#!/bin/bash
# tier: full
# timeout: 240
# Given a partition that nobody uses, interposed with snapshot-origin
# When an xfs is made on it, mounted, grown, frozen, and unmounted, and another mounted, under load
# Then each of these works; a trim, which snapshot-origin cannot do, discards nothing; after the detach the same data
#   are there
. tests/lib/test.sh
requires_target interpose snapshot

dev=$(partition "$(scratch a)" 480)
interpose x "$dev" snapshot-origin
redirected=$(interposer_redirected x)
mkfs.xfs -q -K -d size=320m "$dev"
has_redirected x $((redirected + 10))
at=$T_DIR/at
mkdir "$at"
cleanup unmount_if_there "$at"
mount -t xfs "$dev" "$at"
fio_verify_start load "$at" --size=16M --fdatasync=32
wait_redirected x
xfs_growfs "$at" >"$T_DIR/grow.log" 2>&1 || { cat "$T_DIR/grow.log" >&2; fail "xfs_growfs failed"; }
read -r _ size _ < <(df -B1M --output=target,size "$at" | tail -n 1)
((size > 360)) || fail "the file system has $size MiB"

discarded=$(io_stat "$(disk a)" discard_sectors)
fstrim "$at" 2>"$T_DIR/fstrim.log" || note "$(<"$T_DIR/fstrim.log")"
equal "discards" "$discarded" "$(io_stat "$(disk a)" discard_sectors)"
fsfreeze -f "$at"
fsfreeze -u "$at"
wait_redirected x
random_fill "$at/file" 4
sync -f "$at/file"
sum=$(sha256sum <"$at/file")
fio_verify_stop load
umount "$at"
fsck_clean "$dev"
mount -t xfs "$dev" "$at"
equal "file" "$sum" "$(sha256sum <"$at/file")"
dmsetup remove "$P-x"
random_fill "$at/other" 4
umount "$at"
fsck_clean "$dev"
mount -t xfs "$dev" "$at"
equal "file after the detach" "$sum" "$(sha256sum <"$at/file")"
umount "$at"
test_done
