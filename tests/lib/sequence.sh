# shellcheck shell=bash
# Sequences of dmsetup commands on the interposer x of a mounted ext4 that is written and synced all the time. A model
# says what each command does, and whether it is refused; after each sequence, and a resume, the file system must be
# written and synced: through x, exactly if the model says that it is attached. Source it after test.sh and cycles.sh.

COMMANDS=(suspend noflush resume linear flakey bad short clear wipe pin remove)

# sequences_begin: the model is
#   live      the table in force: linear, flakey, error (wiped), short (does not cover the device: cannot be resumed)
#   waiting   the table that is loaded, if any: linear, flakey, short
#   held      1 while suspended, or after a resume that was refused
#   attached  1 while the I/O of the device is redirected
#   pinned    1 while x cannot be removed
sequences_begin() {
	local size
	requires_target interpose flakey
	disk=$(scratch a)
	dev=$(partition "$disk" 128)
	size=$(sectors "$dev")
	declare -gA tables=(
		[linear]="0 $size interpose $dev linear $dev 0"
		[flakey]="0 $size interpose $dev flakey $dev 0 3600 0"
		[short]="0 $((size - 8)) interpose $dev linear $dev 0"
		[bad]="0 $size interpose $dev frobnicate $dev 0"
	)
	at=$(mkfs_mounted ext4 "$dev")
	fio_verify_start load "$at" --ioengine=psync --iodepth=1 --fsync=1 --size=4M
	wait_io "$dev" 10
	cleanup dm_remove_if_there "$P-x"
	created
}

created() {
	dmsetup create "$P-x" --table "${tables[linear]}"
	live=linear waiting='' held=0 attached=1 pinned=0
}

# refused COMMAND…: it fails by itself
refused() {
	not "$@" 2>"$T_DIR/said"
}

do_command() {
	case $1 in
	suspend) dmsetup suspend "$P-x" && held=1 ;;
	noflush) dmsetup suspend --noflush --nolockfs "$P-x" && held=1 ;;
	resume) do_resume ;;
	linear | flakey | short) dmsetup load "$P-x" --table "${tables[$1]}" && waiting=$1 ;;
	bad) refused dmsetup load "$P-x" --table "${tables[bad]}" ;;
	clear) dmsetup clear "$P-x" && waiting='' ;;
	wipe) dmsetup wipe_table "$P-x" && live=error waiting='' held=0 attached=0 pinned=0 ;;
	pin) do_pin ;;
	remove) do_remove ;;
	esac
}

# A table with another one's lines decides about the pin anew; the same table keeps what a message has said.
do_resume() {
	if [[ $waiting ]]; then
		live=$waiting waiting=''
		[[ $live == short ]] || pinned=0
	elif ((!held)); then
		dmsetup resume "$P-x"
		return
	fi
	if [[ $live == short ]]; then
		refused dmsetup resume "$P-x"
		held=1
		((attached)) || pinned=0
		return
	fi
	dmsetup resume "$P-x"
	held=0
	[[ $live == error ]] || attached=1
}

# Pins, or unpins
do_pin() {
	if [[ $live == error ]]; then
		refused dmsetup message "$P-x" 0 interpose pin
	elif ((pinned)); then
		dmsetup message "$P-x" 0 interpose unpin
		pinned=0
	else
		dmsetup message "$P-x" 0 interpose pin
		pinned=1
	fi
}

do_remove() {
	if ((pinned)); then
		refused dmsetup remove "$P-x"
	else
		dmsetup remove "$P-x"
		created
	fi
}

# sequence COMMAND…: and the resume, and how it must be then. It begins with x attached and nothing waiting.
sequence() {
	local command
	for command; do
		do_command "$command"
	done
	do_resume
	if [[ $live == short ]]; then # the next good table lets the I/O go on
		do_command linear
		do_resume
	fi
	synced_through_x || fail "after $*: the file system is not written through x as it should be"
	((!pinned)) || do_pin
	((attached)) || {
		do_command linear
		do_resume
	}
}

# synced_through_x: the file system is written and synced, through x exactly if x is attached
synced_through_x() {
	local x before after
	x=/sys/block/$(holder x)
	read -ra before <"$x/stat"
	synced
	read -ra after <"$x/stat"
	((attached ? after[4] > before[4] : after[4] == before[4]))
}

# synced: two more commits of the journal
synced() {
	local values flushes
	read -ra values <"/sys/block/${disk#/dev/}/stat"
	flushes=$((values[15] + 2))
	wait_until "the file system is synced" 60 flushes_reach "$flushes"
	fio_verify_check load
}

flushes_reach() {
	local values
	read -ra values <"/sys/block/${disk#/dev/}/stat"
	((values[15] >= $1))
}

sequences_end() {
	dmsetup remove "$P-x"
	fio_verify_stop load
	umount "$at"
	fsck_clean "$dev"
}

# all_triples FIRST…: all that begin with one of these
all_triples() {
	local first second third count=0
	sequences_begin
	for first; do
		for second in "${COMMANDS[@]}"; do
			for third in "${COMMANDS[@]}"; do
				sequence "$first" "$second" "$third"
				count=$((count + 1))
			done
			note "$count sequences, the last one: $first $second $third"
		done
	done
	sequences_end
	equal "sequences" $(($# * ${#COMMANDS[@]} ** 2)) "$count"
}
