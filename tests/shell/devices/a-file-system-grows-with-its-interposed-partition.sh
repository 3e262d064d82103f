#!/bin/bash
# tier: full
# timeout: 180
# Given an interposed partition with an ext4 under load
# When the partition is made larger by BLKPG
# Then I/O to the new space fails as long as the table has the old length, and only that; with a table of the new length
#   the file system grows into it under load, and is clean
. tests/lib/test.sh
requires_target interpose

dev=$(partition "$(scratch a)" 64)
at=$(mkfs_mounted ext4 "$dev")
interpose x "$dev"
fio_verify_start load "$at" --size=16M --fdatasync=32
wait_redirected x

old=$(sectors "$dev")
new=$((160 * 2048))
resizepart "$(disk a)" 1 "$new"
equal "size" "$new" "$(sectors "$dev")"
wait_redirected x
# across the old end, and beyond it
expect_error "Input/output error" EIO -- \
	dd if="$dev" of=/dev/null bs=8k count=1 iflag=direct,skip_bytes skip=$((old * 512 - 4096))
for block in $((old / 8)) $((new / 8 - 1)); do
	expect_error "Input/output error" EIO -- dd if="$dev" of=/dev/null bs=4k count=1 skip="$block" iflag=direct
	expect_error "Input/output error" EIO -- \
		dd if=/dev/zero of="$dev" bs=4k count=1 seek="$block" oflag=direct conv=notrunc
done
dmsetup suspend "$P-x"
dmsetup resume "$P-x"
wait_redirected x
equal "state" attached "$(interposer_state x)"

dm_reload x "0 $new interpose $dev linear $dev 0"
equal "size of the disk beneath" "$new" "$(sectors "$(interposer_beneath x)")"
equal "table" "0 $new interpose $(devno "$dev") linear $(devno "$dev") 0" "$(dmsetup table "$P-x")"
resize2fs "$dev" >"$T_DIR/resize.log" 2>&1 || { cat "$T_DIR/resize.log" >&2; fail "resize2fs failed"; }
random_fill "$at/large" 80
sync -f "$at/large"
sum=$(sha256sum <"$at/large")
wait_redirected x
dmsetup remove "$P-x"
fio_verify_stop load
umount "$at"
fsck_clean "$dev"
mount "$dev" "$at"
equal "the file in the new space" "$sum" "$(sha256sum <"$at/large")"
umount "$at"
test_done
