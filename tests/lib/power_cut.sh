# shellcheck shell=bash
# For tests of what is on a disk when the power fails: a file system whose every write is recorded, and a look at it at
# many points of the record. They source this file after test.sh. /dev/vda has the file system, /dev/vdb the record,
# /dev/vdc and a file in memory are for the look.

# recorded_ext4 MIB: /dev/mapper/$P-recorded with an ext4, mounted; sets RECORDED (the device) and AT (where)
recorded_ext4() {
	local dev
	requires_target log-writes
	scratch b >/dev/null
	dev=$(partition "$(scratch a)" "$1")
	SIZE_MIB=$1
	RECORDED=$(dm_create recorded "0 $(sectors "$dev") log-writes $dev /dev/vdb")
	AT=$(mkfs_mounted ext4 "$RECORDED")
	sync -f "$AT"
	dmsetup message "$P-recorded" 0 mark mounted
	RECORDED_FROM=$(entries_recorded)
	RANDOM=${SEED:=$RANDOM}
	note "SEED=$SEED"
}

# As of the last flush
entries_recorded() {
	"$(program log-replay)" count /dev/vdb
}

risks_from=() risks_to=()

# at_risk COMMAND…: the power is to fail during this
at_risk() {
	risks_from+=("$(entries_recorded)")
	"$@"
	risks_to+=("$(entries_recorded)")
}

# numbers_start: numbers are written, synced and marked, all the time
numbers_start() {
	"$(program mark-writer)" "$AT/number" "$P-recorded" &
	NUMBERS=$!
	cleanup kill_if_there "$NUMBERS"
}

kill_if_there() {
	! kill "$1" 2>/dev/null || wait "$1" || true
}

numbers_stop() {
	kill "$NUMBERS"
	wait "$NUMBERS" || fail "a number could not be written, synced or marked (status $?)"
}

# look_at IMAGE NUMBER: as after a power cut, the journal is replayed; then nothing may be wrong, and what was synced
# must be there
look_at() {
	local image=$1 synced=$2 number status=0
	e2fsck -E journal_only -y "$image" >"$T_DIR/fsck.log" 2>&1 || status=$?
	((status <= 1)) || {
		cat "$T_DIR/fsck.log" >&2
		fail "the journal cannot be replayed (status $status)"
	}
	e2fsck -fn "$image" >"$T_DIR/fsck.log" 2>&1 || {
		cat "$T_DIR/fsck.log" >&2
		fail "the file system is damaged"
	}
	((synced == 0)) || {
		number=$(debugfs -R "cat /number" "$image" 2>/dev/null)
		number=${number%%$'\n'*}
		((number >= synced)) || fail "number $synced was synced, and ${number:-nothing} is there"
	}
}

# power_cuts: look at one point of the record during each command that was at risk, and at its end
power_cuts() {
	local entries done=0 to i replay image=$T_DIR/image copy=$T_DIR/copy mark synced=0
	replay=$(program log-replay)
	entries=$(entries_recorded)
	((entries - RECORDED_FROM >= 100)) || fail "only $((entries - RECORDED_FROM)) entries were recorded"
	risks_from+=("$entries")
	risks_to+=("$entries")
	truncate -s "${SIZE_MIB}M" "$image"
	for i in "${!risks_from[@]}"; do
		to=$((risks_from[i] + RANDOM % (risks_to[i] - risks_from[i] + 1)))
		mark=$("$replay" apply /dev/vdb "$image" "$done" "$to")
		[[ $mark != [0-9]* ]] || synced=$mark
		done=$to
		cp --sparse=always "$image" "$copy"
		look_at "$copy" "$synced"
		note "power cut after entry $to (${risks_from[i]} to ${risks_to[i]}) of $entries: number $synced is there"
	done
	((synced > 0)) || fail "no number was ever synced"
}
