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
	be_patient
	"$storm" --prefix "$P-" --patience $((3 * patience)) --log "$storm_log" "$@" "${storm_devices[@]}" 2>&1 |
		tee "$T_DIR/storm.out"
}

# --- its load alone, beside what a test does itself

# storm_load_start NAME DEV: on a device, in the background
storm_load_start() {
	be_patient
	: >"$T_DIR/load-$1.on"
	cleanup storm_load_kill "$1"
	cleanup storm_load_said "$1"
	"$(program storm)" --switches 0 --while "$T_DIR/load-$1.on" --blocks 512 --prefix "$P-" --patience $((3 * patience)) \
		"load,$2,-,-,-,-" >"$T_DIR/load-$1.log" 2>&1 </dev/null &
	echo $! >"$T_DIR/load-$1.pid"
}

storm_load_gone() {
	! kill -0 "$(<"$T_DIR/load-$1.pid")" 2>/dev/null
}

# storm_load_said NAME: what it has to say, for the log of the test
storm_load_said() {
	sed "s/^/load $1: /" "$T_DIR/load-$1.log" >&2
}

storm_load_kill() {
	[[ -s $T_DIR/load-$1.pid ]] || return 0
	storm_load_gone "$1" || kill -KILL "$(<"$T_DIR/load-$1.pid")" 2>/dev/null || true
	wait_until "the load $1 is gone" 20 storm_load_gone "$1"
}

# storm_load_redirects NAME INTERPOSER N: until N more bios have gone through it. A load that has ended is judged at once.
storm_load_redirects() {
	wait_until "$2 redirects the load $1" 60 storm_load_gone_or_redirected "$1" "$2" $(($(interposer_redirected "$2") + $3))
	! storm_load_gone "$1" || storm_load_stop "$1"
}

storm_load_gone_or_redirected() {
	storm_load_gone "$1" || has_redirected "$2" "$3"
}

# storm_load_stop NAME: ends it; it has read back all that it ever wrote, and has used memory as odd as the disk allows
storm_load_stop() {
	local log=$T_DIR/load-$1.log odd
	storm_load_gone "$1" && fail "the load $1 has ended by itself: $(<"$log")"
	rm "$T_DIR/load-$1.on"
	wait_until "the load $1 has ended" 100 storm_load_gone "$1"
	grep -q "0 I/O errors, 0 verify errors" "$log" || fail "the load $1: $(grep -m 1 FAILED "$log" || tail -n 1 "$log")"
	note "$(grep 'ways of direct' "$log")"
	odd=$(sed -n 's/.*memory not aligned to sectors: //p' "$log")
	[[ $(disk a) == /dev/vd* ]] || ((odd > 10)) || fail "only $odd transfers were of odd memory: the test is broken"
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
