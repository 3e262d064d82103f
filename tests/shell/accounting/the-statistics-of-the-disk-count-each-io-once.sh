#!/bin/bash
# timeout: 90
# Given a disk, a partition, a mapped device, and interposers on them
# When a known number of reads, writes and discards is made, raw, interposed, suspended in between, and raw again;
#   interposed where bios are mapped where they are, and where they are redirected
# Then the statistics of the device (diskstats, iostat) grow by exactly that number each time
. tests/lib/test.sh

# counters DEV: reads writes discards and the sectors of each
counters() {
	local values
	read -ra values <"$(sysfs_dir "$1")/stat"
	echo "${values[0]} ${values[4]} ${values[11]} ${values[2]} ${values[6]} ${values[13]}"
}

# grow DEV: makes 3 reads of 8 KiB, 5 writes of 4 KiB, and 2 discards of 1 MiB; prints by how much the counters grew
grow() {
	local before after i out=()
	read -ra before <<<"$(counters "$1")"
	dd if="$1" of="$T_DIR/got" bs=8k count=3 iflag=direct status=none
	dd if=/dev/zero of="$1" bs=4k count=5 oflag=direct conv=notrunc status=none
	blkdiscard -f -o 1M -l 1M "$1"
	blkdiscard -f -o 4M -l 1M "$1"
	read -ra after <<<"$(counters "$1")"
	for i in "${!before[@]}"; do
		out+=($((after[i] - before[i])))
	done
	echo "${out[*]}"
}

counted_once() {
	local dev=$1 raw direct
	raw=$(grow "$dev")
	equal "reads, writes and discards of the raw $dev" "3 5 2" "${raw% * * *}"
	for direct in Y N; do
		direct_is "$direct"
		interpose x "$dev" linear "$dev" 0
		equal "growth of the interposed $dev, direct $direct" "$raw" "$(grow "$dev")"
		dmsetup suspend "$P-x"
		dmsetup resume "$P-x"
		equal "growth after suspend and resume, direct $direct" "$raw" "$(grow "$dev")"
		dmsetup remove "$P-x"
	done
	equal "growth of the raw $dev again" "$raw" "$(grow "$dev")"
}

counted_once "$(scratch b)"
counted_once "$(partition "$(scratch a)" 64)"
counted_once "$(linear_create lower "$(scratch c)")"
test_done
