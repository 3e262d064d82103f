#!/bin/bash
# tier: full
# kcsan: yes
# timeout: 300
# Given a mounted ext4 under verified load
# When dmsetup is killed at random moments of create, suspend, resume, reload, wipe_table and remove
# Then each time the next command that the document names (resume, or remove and create) succeeds, and the file system
#   is written again; some were killed, some came to their end, and what they had begun was there
# (SEED=… repeats the moments.)
. tests/lib/test.sh
. tests/lib/kill.sh
requires_target flakey

# state_of_x: "none", or whether it is suspended and which tables it has, such as "Suspended Live & Inactive"
state_of_x() {
	dmsetup info -c --noheadings --separator ' ' -o suspended,tables_loaded "$P-x" 2>"$T_DIR/said" || echo none
}

# die_in COMMAND…: killed at a moment of the time that a command takes here, which is learnt from what the kills hit
die_in() {
	local status=0 moment
	moment=$((RANDOM % span))
	printf -v moment '%d.%03d' $((moment / 1000)) $((moment % 1000))
	begin "$@"
	pause "$moment"
	kill -KILL "$pid" 2>/dev/null || true # it may have ended
	wait_until "dmsetup has ended" 60 is_gone "$pid"
	wait "$pid" || status=$?
	case $status in
	0) ended=$((ended + 1)) span=$((span * 3 / 4)) ;;
	137) died=$((died + 1)) span=$((span * 5 / 4)) ;;
	*) fail "status $status: $* ($(<"$T_DIR/begun.log"))" ;;
	esac
	note "status $status after $moment s, then '$(state_of_x)': $*"
}

# there: an interposer with a live table, attached
there() {
	case $(state_of_x) in
	none) dmsetup create "$P-x" --table "$table" ;;
	*None*)
		dmsetup remove "$P-x"
		dmsetup create "$P-x" --table "$table"
		;;
	*) dmsetup resume "$P-x" ;;
	esac
	case $(dmsetup status "$P-x") in
	*" interpose attached "*) ;;
	*" error"*) dm_reload x "$table" ;;
	*) fail "x is '$(dmsetup status "$P-x")'" ;;
	esac
	wait_io "$dev" 10
	fio_verify_check load
}

seed=${SEED:-$RANDOM} died=0 ended=0 span=500
note "SEED=$seed"
RANDOM=$seed
dev=$(partition "$(scratch a)" 128)
at=$(mkfs_mounted ext4 "$dev")
fio_verify_start load "$at" --fdatasync=8 --size=8M
table="0 $(sectors "$dev") interpose $dev linear $dev 0"
cleanup dm_remove_if_there "$P-x"

for round in {1..12}; do # four, or until both have happened often enough
	((round <= 4 || died < 3 || ended < 3)) || break
	die_in dmsetup create "$P-x" --table "$table"
	there
	die_in dmsetup suspend "$P-x"
	die_in dmsetup resume "$P-x"
	there
	dmsetup load "$P-x" --table "${table/linear $dev 0/flakey $dev 0 3600 0}"
	die_in dmsetup resume "$P-x"
	there
	die_in dmsetup wipe_table "$P-x"
	there
	die_in dmsetup suspend --noflush --nolockfs "$P-x"
	die_in dmsetup remove "$P-x"
	[[ $(state_of_x) == none ]] || dmsetup remove "$P-x"
	wait_io "$dev" 10
done
((died >= 3 && ended >= 3)) || fail "$died killed and $ended ended: the moments do not fit this machine"
dmsetup mknodes
fio_verify_stop load
umount "$at"
fsck_clean "$dev"
test_done
