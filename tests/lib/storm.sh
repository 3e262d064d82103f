# shellcheck shell=bash
# The devices for tests/programs/storm, which makes the load and the operations: ext4 and a raw partition on one disk,
# xfs and btrfs on two others. The fourth disk is for metadata and copy-on-write space. Source it after test.sh.

# What the program has left, if it was killed: the newest first, so that snapshots go before what they are of
storm_clear() {
	local name
	while read -r name _; do
		[[ $name != "$P-storm-"* ]] || dmsetup remove --force "$name"
	done < <(dmsetup ls 2>/dev/null | sort -r)
}

# storm_begin: sets $storm_devices
storm_begin() {
	local spare parts=() i ext4 xfs btrfs
	requires_target interpose flakey delay era snapshot
	storm=$(program storm)
	ext4=$(partition "$(scratch a)" 320 128)
	xfs=$(partition "$(scratch b)" 320)
	btrfs=$(partition "$(scratch c)" 320)
	spare=$(scratch d)
	printf '%s\n' "label: gpt" size={16,16,16,16,220,220,220,220}M | sfdisk -q "$spare"
	for i in 1 2 3 4 5 6 7 8; do
		parts[i]=$(part "$spare" "$i")
	done
	wait_until "its partitions are there" 10 test -b "${parts[8]}"
	for i in 1 2 3 4; do
		blkdiscard -z "${parts[i]}" # a cached copy of what was there before is none of era's
	done
	cleanup storm_clear
	storm_devices=(
		"ext4,$ext4,$(mkfs_mounted ext4 "$ext4" discard),${parts[1]},${parts[5]},$(disk a)"
		"xfs,$xfs,$(mkfs_mounted xfs "$xfs" discard),${parts[2]},${parts[6]},$(disk b)"
		"btrfs,$btrfs,$(mkfs_mounted btrfs "$btrfs"),${parts[3]},${parts[7]},$(disk c)"
		"raw,${ext4%1}2,-,${parts[4]},${parts[8]},$(disk a)"
	)
}

# storm_run [OPTION…]: what it says is also in $T_DIR/storm.out, each operation in $storm_log
storm_log=${DM_INTERPOSE_STORM_LOG:-$T_DIR/storm.log}
storm_run() {
	"$storm" --prefix "$P-" --patience "${T_PATIENCE:-1}" --log "$storm_log" "$@" "${storm_devices[@]}" 2>&1 |
		tee "$T_DIR/storm.out"
}

# storm_end: nothing is interposed; the file systems are in order
storm_end() {
	local device fields
	for device in "${storm_devices[@]}"; do
		IFS=, read -ra fields <<<"$device"
		[[ ${fields[2]} != - ]] || continue
		umount "${fields[2]}"
		fsck_clean "${fields[1]}"
	done
}
