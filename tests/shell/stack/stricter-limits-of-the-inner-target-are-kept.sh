#!/bin/bash
# tier: full
# timeout: 300
# Given a disk that takes large bios, discards and zeroes
# When it is interposed with an inner target, or with one on a disk, whose limits are stricter
# Then what its users may do on it, they may do, with the right data, and it still tells them its own limits
. tests/lib/test.sh

top=$(null_blk_create top size=64 discard=1 max_sectors=2048)
declare -A beneath=(
	[small]=$(null_blk_create small size=64 max_sectors=8)
	[virtual]=$(null_blk_create virtual size=64 virt_boundary=1)
	[plain]=$(null_blk_create plain size=64)
)
size=$(sectors "$top")
limits() {
	(cd "$(sysfs_dir "$top")/queue" && grep -s . max_sectors_kb max_segments virt_boundary_mask dma_alignment discard_max_bytes \
		discard_granularity write_zeroes_max_bytes physical_block_size minimum_io_size optimal_io_size chunk_sectors \
		rotational stable_writes atomic_write_unit_max_bytes write_cache fua nr_requests logical_block_size)
}
before=$(limits)

# Verified I/O of many sizes, up to bios that the inner disk cannot take whole
transfers() {
	local bs
	for bs in 4k 64k 1020k; do
		fio --name="$1-$bs" --filename="$top" --rw=write --bs="$bs" --size=8M --direct=1 --ioengine=psync \
			--verify=crc32c --do_verify=1 --verify_fatal=1 --output="$T_DIR/fio.log" ||
			fail "$1 with blocks of $bs: $(<"$T_DIR/fio.log")"
	done
}

zeroes() {
	head -c 1M /dev/urandom | dd of="$top" bs=1M oflag=direct conv=notrunc iflag=fullblock status=none
	blkdiscard --zeroout --offset 4096 --length 65536 "$top" || fail "$1: zeroes"
	cmp -n 65536 /dev/zero <(dd if="$top" bs=4k skip=1 count=16 iflag=direct status=none) || fail "$1: not zero"
	dd if="$top" bs=4k count=1 iflag=direct status=none | tr -d '\0' | grep -q . || fail "$1: zero before the range"
}

for name in small virtual plain; do
	dm_create x "0 $size interpose $top linear ${beneath[$name]} 0" >/dev/null
	transfers "$name"
	zeroes "$name"
	# not supported beneath: whoever discards is not told, and nothing is lost
	head -c 64K /dev/urandom >"$T_DIR/data"
	dd if="$T_DIR/data" of="$top" bs=64k oflag=direct conv=notrunc status=none
	blkdiscard --offset 65536 --length 65536 "$top"
	cmp "$T_DIR/data" <(dd if="$top" bs=64k count=1 iflag=direct status=none) || fail "$name: a discard beside it changed data"
	equal "limits that $top tells with $name" "$before" "$(limits)"
	dmsetup remove "$P-x"
done

# a target that cuts at its own chunks, and one whose blocks are larger in all but what must not be
dm_create x "0 $size interpose $top striped 2 8 $top 0 ${beneath[small]} 0" >/dev/null
transfers striped
dmsetup remove "$P-x"
dm_create x "0 $size interpose $top ebs $top 0 1 16" >/dev/null
transfers ebs
equal "limits that $top tells with ebs" "$before" "$(limits)"
dmsetup remove "$P-x"
expect_error "needs blocks of 4096 bytes" EINVAL -- dmsetup create "$P-x" --table \
	"0 $size interpose $top crypt aes-xts-plain64 $(printf '%064d' 1) 0 $top 0 1 sector_size:4096"
equal "limits that $top tells in the end" "$before" "$(limits)"
test_done
