#!/bin/bash
# timeout: 60
# Given an interposed partition whose inner target fails one area
# When that area is read and written through the page cache
# Then the kernel log names the partition, as if the error were its own
. tests/lib/test.sh
requires_target error

dev=$(partition "$(scratch a)" 64)
size=$(sectors "$dev")
expects_dmesg "Buffer I/O error on dev ${dev#/dev/}" 'I/O error, dev dm-' "lost async page write"
interpose x "$dev" linear "$dev" 0
dm_reload x "0 8192 interpose $dev linear $dev 0
8192 8192 interpose $dev error
16384 $((size - 16384)) interpose $dev linear $dev 16384"
expect_error "Buffer I/O error on dev ${dev#/dev/}" EIO -- dd if="$dev" of="$T_DIR/got" bs=4k skip=1024 count=1
dd if="$dev" of="$T_DIR/got" bs=4k skip=1023 count=1 status=none
expect_error "Buffer I/O error on dev ${dev#/dev/}" EIO -- \
	dd if=/dev/zero of="$dev" bs=4k seek=1100 count=1 conv=notrunc,fsync
dm_reload x "0 $size interpose $dev linear $dev 0"
dd if="$dev" of="$T_DIR/got" bs=4k skip=1024 count=1 status=none
dmsetup remove "$P-x"
test_done
