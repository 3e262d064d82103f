#!/bin/bash
# timeout: 150
# Given a disk under load, interposed
# When a region of dm-stats comes and goes
# Then from its creation on it counts what the iostat of the mapped device counts, neither more nor less; that counts each
#   bio of the disk once, with and without a region; the load goes on and every block is verified
. tests/lib/test.sh
requires_target interpose

dev=$(partition "$(scratch a)" 64)

# total: I/Os of the mapped device, and their sectors
total() {
	local v
	read -ra v <"$(sysfs_dir "/dev/mapper/$P-x")/stat"
	echo "$((v[0] + v[4])) $((v[2] + v[6]))"
}

# region: I/Os that the region has counted, and their sectors
region() {
	local v
	read -ra v <<<"$(dmsetup message "$P-x" 0 @stats_print 0)"
	echo "$((v[1] + v[5])) $((v[3] + v[7]))"
}

# grown "A B" "C D": C-A D-B
grown() {
	local from to
	read -ra from <<<"$1"
	read -ra to <<<"$2"
	echo "$((to[0] - from[0])) $((to[1] - from[1]))"
}

# while_still: suspended, so that all has been counted; sets $ios (what has passed the hook and not waits) and $sum
while_still() {
	suspend_until_all_waits x
	read -r _ _ _ _ _ _ ios held _ <<<"$last"
	((ios -= held))
	sum=$(total)
	[[ ! $1 ]] || counted=$(region)
	dmsetup resume "$P-x"
}

# counts_all WITH: bios and counters grow by the same; with a region, that grows so, too
counts_all() {
	local ios sum counted held last before ios_before region_before grown
	while_still "$1"
	before=$sum ios_before=$ios region_before=${counted:-}
	wait_redirected x 200
	while_still "$1"
	grown=$(grown "$before" "$sum")
	equal "I/Os in the iostat" $((ios - ios_before)) "${grown% *}"
	((${grown#* } >= 200 * 8)) || fail "only ${grown#* } sectors counted"
	[[ ! $1 ]] || equal "I/Os and sectors in the region" "$grown" "$(grown "$region_before" "$counted")"
}

interpose x "$dev" linear "$dev" 0 >/dev/null
fio_verify_start load "$dev" --size=8M --bs=4k
for _ in 1 2; do
	wait_redirected x 50
	counts_all ''
	dmsetup message "$P-x" 0 @stats_create - /1 >/dev/null
	counts_all region
	dmsetup message "$P-x" 0 @stats_delete 0
done
counts_all ''
dmsetup remove "$P-x"
fio_verify_stop load
test_done
