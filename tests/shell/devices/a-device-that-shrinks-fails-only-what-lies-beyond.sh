#!/bin/bash
# tier: full
# timeout: 240
# Given an interposed loop device under verified load that becomes smaller, and has no size at all any more in the end
# When it is read and written, its size goes up and down, and its interposer is suspended, resumed, given another table,
#   removed and created again
# Then what lies within its size works, all of the load among it, and what lies beyond fails; a table of the old length
#   is refused, one of the new length works; the interposer can be removed at any size
. tests/lib/test.sh
requires_target interpose
expects_dmesg 'I/O error'

dev=$(loop_create 64M)
files=("$T_DIR"/loop.*)
resize() {
	truncate -s "$1" "${files[0]}"
	losetup -c "$dev"
}
write_at() {
	dd if=/dev/urandom of="$1" bs=64k seek="$2" count=1 oflag=direct conv=notrunc status=none
}

interpose x "$dev"
beneath=$(interposer_beneath x)
random_fill "$dev" 8
sum=$(device_sum "$dev" 8)
fio_verify_start load "$dev" --offset=8M --size=16M
wait_redirected x
resize 32M
wait_redirected x
equal "data within" "$sum" "$(device_sum "$dev" 8)"
write_at "$dev" 511
expect_error "No space left on device" ENOSPC -- write_at "$dev" 512
expect_error "Input/output error" EIO -- dd if="$beneath" of=/dev/null bs=64k skip=512 count=1 iflag=direct
dmsetup suspend "$P-x"
dmsetup resume "$P-x"
equal "state" attached "$(interposer_state x)"
expect_error "the line ends at sector 131072, but ${dev#/dev/} has 65536" EINVAL -- \
	dmsetup load "$P-x" --table "0 131072 interpose $dev linear $dev 0"
write_at "$dev" 500
dm_reload x "0 65536 interpose $dev linear $dev 0"
equal "size of the disk beneath" 65536 "$(sectors "$beneath")"
write_at "$dev" 511
for size in 40 32 24 64 32; do
	resize "${size}M"
	wait_redirected x 50
	dmsetup suspend "$P-x"
	dmsetup resume "$P-x"
	dmsetup remove "$P-x"
	interpose x "$dev" >"$T_DIR/node"
	fio_verify_check load
done
beneath=$(interposer_beneath x)
equal "data within" "$sum" "$(device_sum "$dev" 8)"
fio_verify_stop load

resize 0
equal "size" 0 "$(sectors "$dev")"
dmsetup suspend "$P-x"
dmsetup resume "$P-x"
equal "bytes read" 0 "$(dd if="$dev" bs=4k count=1 iflag=direct status=none | wc -c)"
expect_error "Input/output error" EIO -- dd if="$beneath" of=/dev/null bs=4k count=1 iflag=direct
equal "state" attached "$(interposer_state x)"
resize 32M
write_at "$dev" 511
resize 0
dmsetup remove "$P-x"
expect_error "the line ends at sector 65536, but ${dev#/dev/} has 0" EINVAL -- \
	dmsetup create "$P-x" --table "0 65536 interpose $dev linear $dev 0"

# with a file system
resize 64M
at=$(mkfs_mounted ext4 "$dev")
vanish=${dev#/dev/}
expects_dmesg "(EXT4-fs|JBD2|journal|lost (async|sync) page write).*\b$vanish"
interpose x "$dev"
random_fill "$at/file" 4
resize 0
not dd if=/dev/urandom of="$at/other" bs=1M count=8 conv=fsync status=none
dmsetup remove "$P-x"
umount "$at"
test_done
