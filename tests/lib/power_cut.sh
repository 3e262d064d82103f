# shellcheck shell=bash
# For tests of what is on a disk when the power fails: a file system whose every write is recorded, and a look at it at
# many points of the record. They source this file after test.sh. The first disk has the file system, the second the record,
# the third and a file in memory are for the look.

# recorded_fs TYPE MIB [loop]: /dev/mapper/$P-recorded, or a loop device over it, which is blk-mq, with a file system,
# mounted; sets RECORDED (the device) and AT (where)
recorded_fs() {
	local dev
	requires_target log-writes
	scratch b >/dev/null
	dev=$(partition "$(scratch a)" "$2")
	SIZE_MIB=$2
	RECORDED=$(dm_create recorded "0 $(sectors "$dev") log-writes $dev $(disk b)")
	[[ ! ${3:-} ]] || {
		cleanup loop_detach "$RECORDED"
		RECORDED=$(losetup --find --show --direct-io=on "$RECORDED")
	}
	AT=$(mkfs_mounted "$1" "$RECORDED")
	sync -f "$AT"
	dmsetup message "$P-recorded" 0 mark mounted
	wait_until "the record has begun" 30 recorded
	RECORDED_FROM=$(entries_recorded)
	RANDOM=${SEED:=$RANDOM}
	note "SEED=$SEED"
}

# device-mapper writes the record's head a moment after the first entry
recorded() {
	entries_recorded >"$T_DIR/entries" 2>&1
}

# As of the last flush
entries_recorded() {
	"$(program log-replay)" count "$(disk b)"
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

# replay_journal IMAGE: as the first mount after a power cut does; prints the file with the number
replay_journal() {
	local image=$1 at=$T_DIR/look status=0
	if [[ $(blkid -po value -s TYPE "$image") == ext4 ]]; then
		e2fsck -E journal_only -y "$image" >"$T_DIR/fsck.log" 2>&1 || status=$?
		((status <= 1)) || {
			cat "$T_DIR/fsck.log" >&2
			fail "the journal cannot be replayed (status $status)"
		}
		debugfs -R "cat /number" "$image" 2>/dev/null | tr -d '\0'
		return
	fi
	mkdir -p "$at"
	mount -o loop "$image" "$at" # the file system that it is a copy of is not mounted any more
	[[ ! -e $at/number ]] || tr -d '\0' <"$at/number"
	umount "$at"
}

# look_at IMAGE NUMBER: as after a power cut, the journal is replayed; then nothing may be wrong, and what was synced
# must be there
look_at() {
	local image=$1 synced=$2 number
	number=$(replay_journal "$image")
	number=${number%%$'\n'*}
	fsck_clean "$image"
	((synced == 0 || number >= synced)) || fail "number $synced was synced, and ${number:-nothing} is there"
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
		mark=$("$replay" apply "$(disk b)" "$image" "$done" "$to")
		[[ $mark != [0-9]* ]] || synced=$mark
		done=$to
		cp --sparse=always "$image" "$copy"
		look_at "$copy" "$synced"
		note "power cut after entry $to (${risks_from[i]} to ${risks_to[i]}) of $entries: number $synced is there"
	done
	((synced > 0)) || fail "no number was ever synced"
}

# power_cut_life TYPE MIB [loop]: a file system under load is interposed, suspended, reloaded and let go, each at risk;
# then the record of what reached its disk is looked at
power_cut_life() {
	local size
	requires_target snapshot-origin
	recorded_fs "$@"
	size=$(sectors "$RECORDED")
	numbers_start
	fio_verify_start load "$AT" --size=4M --rate_iops=150 --fsync=16
	at_risk interpose x "$RECORDED" snapshot-origin
	wait_redirected x 50
	at_risk dmsetup suspend "$P-x"
	at_risk dmsetup resume "$P-x"
	wait_redirected x 20
	at_risk dm_reload x "0 $size interpose $RECORDED linear $RECORDED 0"
	wait_redirected x 20
	at_risk dmsetup suspend --noflush --nolockfs "$P-x"
	at_risk dmsetup remove "$P-x"
	interpose x "$RECORDED" snapshot-origin
	wait_redirected x 50
	at_risk dmsetup remove "$P-x"
	fio_verify_stop load
	numbers_stop
	umount "$AT"
	fsck_clean "$RECORDED"
	[[ ! ${3:-} ]] || loop_detach "/dev/mapper/$P-recorded"
	power_cuts
}
