#!/bin/bash
# timeout: 60
# Given disks with logical blocks of 512 and of 4096 bytes, rotating and not, writable and read-only, whole and
#   partitioned, with and without discards
# When they are interposed
# Then the disk beneath the hook has its node at once, the same size, the same limits and the same permission to write
. tests/lib/test.sh

attributes=(logical_block_size physical_block_size minimum_io_size optimal_io_size rotational discard_granularity
	discard_max_hw_bytes write_zeroes_max_bytes max_hw_sectors_kb max_segments zoned dax)

# same DISK DEV: the queue's attributes stand at the whole disk
same() {
	local disk=$1 dev=$2 beneath attribute readonly=()
	[[ $(<"/sys/class/block/${dev#/dev/}/ro") == 0 ]] || readonly=(--readonly)
	dm_create x "0 $(sectors "$dev") interpose $dev linear $dev 0" "${readonly[@]}" >/dev/null
	beneath=$(interposer_beneath x)
	[[ -b $beneath ]] || fail "there is no node $beneath"
	beneath=/sys/block/${beneath#/dev/}
	for attribute in "${attributes[@]}"; do
		equal "$attribute beneath $dev" "$(<"$disk/queue/$attribute")" "$(<"$beneath/queue/$attribute")"
	done
	for attribute in size ro; do
		equal "$attribute beneath $dev" "$(<"/sys/class/block/${dev#/dev/}/$attribute")" "$(<"$beneath/$attribute")"
	done
	# what flushes there are, the interposed disk decides when they come to it
	equal "write cache beneath $dev" "write back" "$(<"$beneath/queue/write_cache")"
	dmsetup remove "$P-x"
}

disk=$(scratch a)
dev=$(partition "$disk" 64)
same "/sys/block/${disk#/dev/}" "$dev"
same "/sys/block/${disk#/dev/}" "$disk"
cleanup blockdev --setrw "$dev"
blockdev --setro "$dev"
same "/sys/block/${disk#/dev/}" "$dev"
dev=$(null_blk_create large blocksize=4096)
equal "rotational" 0 "$(<"/sys/block/${dev#/dev/}/queue/rotational")"
same "/sys/block/${dev#/dev/}" "$dev"
dev=$(null_blk_create small discard=1)
same "/sys/block/${dev#/dev/}" "$dev"
test_done
