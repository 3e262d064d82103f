#!/bin/bash
# timeout: 120
# Given a disk with a bad area, and an interposer on it
# When a bad and a good block are read and written, before, while and after it is attached
# Then the bad block gives EIO and the good one its data each time, nothing stays in flight, and the interposer detaches
. tests/lib/test.sh
requires_target error linear

disk=$(scratch a)
# good, bad, good: 64 MiB each
dev=$(dm_create flawed "0 131072 linear $disk 0
131072 131072 error
262144 131072 linear $disk 262144")
expects_dmesg "I/O error, dev (dm-|interpose|${disk#/dev/})" 'Buffer I/O error on dev dm-'

# block N: the Nth MiB, direct
read_block() { dd if="$dev" of="$T_DIR/got" bs=64k skip=$(($1 * 16)) count=1 iflag=direct status=none; }
write_block() { dd if="$T_DIR/pattern" of="$dev" bs=64k seek=$(($1 * 16)) count=1 oflag=direct conv=notrunc status=none; }

good_and_bad() {
	local n
	dd if=/dev/urandom of="$T_DIR/pattern" bs=64k count=1 status=none
	for n in 1 130; do
		write_block "$n"
		read_block "$n"
		cmp "$T_DIR/pattern" "$T_DIR/got"
	done
	expect_error "Input/output error" EIO -- read_block 70
	expect_error "Input/output error" EIO -- write_block 70
}

good_and_bad
interpose x "$dev" linear "$dev" 0
good_and_bad
dmsetup suspend "$P-x"
dmsetup resume "$P-x"
good_and_bad
equal "I/O in flight on the disk" 0 "$(io_stat "$dev" in_flight)"
dmsetup remove "$P-x"
good_and_bad
interpose x "$dev" snapshot-origin
good_and_bad
dmsetup remove "$P-x"
test_done
