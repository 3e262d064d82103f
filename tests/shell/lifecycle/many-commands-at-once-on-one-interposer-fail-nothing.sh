#!/bin/bash
# tier: full
# kcsan: yes
# timeout: 300
# Given a mounted ext4 under verified load, with an interposer
# When several processes at once create, suspend, resume, reload, clear, rename, pin, unpin, wipe and remove it, also by
#   force, ask for its status and table, wait for its events, set its geometry and make its node, in random order
# Then none of them hangs, each kind has succeeded, and after a reload and a resume the I/O goes on through it; it can be
#   removed, none fails, and every block is verified
# (SEED=… repeats a run as far as that is possible.)
. tests/lib/test.sh
requires_target delay flakey

KINDS=(create create create suspend noflush resume resume resume load load clear rename pin unpin unpin remove force
	wipe status table wait setgeometry mknodes)

name_of_x() {
	dmsetup info -c --noheadings -o name -u "$uuid"
}

create() {
	dmsetup create "$P-x$((RANDOM % 3))" -u "$uuid" --table "0 $size interpose $dev ${inner[RANDOM % 3]}"
}

# do_one KIND: by UUID, as the name changes; what needs a name may fail for that
do_one() {
	case $1 in
	suspend | resume | clear | status | table) dmsetup "$1" -u "$uuid" ;;
	create) create ;;
	noflush) dmsetup suspend --noflush --nolockfs -u "$uuid" ;;
	load) dmsetup load -u "$uuid" --table "0 $size interpose $dev ${inner[RANDOM % 3]}" ;;
	remove) dmsetup remove -u "$uuid" ;;
	force) dmsetup remove --force "$(name_of_x)" ;;
	wipe) dmsetup wipe_table --noflush "$(name_of_x)" ;;
	pin | unpin) dmsetup message -u "$uuid" 0 interpose "$1" ;;
	rename) dmsetup rename "$(name_of_x)" "$P-x$((RANDOM % 3))" ;;
	wait) timeout 2 dmsetup wait "$(name_of_x)" "$(dmsetup info -c --noheadings -o events -u "$uuid")" ;;
	setgeometry) dmsetup setgeometry "$(name_of_x)" 100 16 63 0 ;;
	mknodes) dmsetup mknodes ;;
	esac
}

# storm WORKER: a random sequence of commands
storm() {
	local i kind
	trap - ERR
	rm -f "$T_DIR/ended-$1"
	RANDOM=$((seed + $1 + 8 * round))
	for ((i = 0; i < 24; i++)); do
		kind=${KINDS[RANDOM % ${#KINDS[@]}]}
		! do_one "$kind" || echo "$kind" >>"$T_DIR/done-$1"
	done >>"$T_DIR/said-$1" 2>&1
	: >"$T_DIR/ended-$1"
}

# removed: whatever name it has got
removed() {
	! dmsetup info -u "$uuid" >/dev/null 2>&1 || dmsetup remove -u "$uuid"
}

dev=$(partition "$(scratch a)" 128)
size=$(sectors "$dev")
at=$(mkfs_mounted ext4 "$dev")
uuid=$P-uuid seed=${SEED:-$RANDOM}
note "SEED=$seed"
inner=("linear $dev 0" "flakey $dev 0 3600 0" "delay $dev 0 5")
cleanup removed
create
fio_verify_start load "$at" --fdatasync=16 --size=16M
wait_io "$dev"

# storms: all workers at once
storms() {
	local worker workers=()
	for worker in 1 2 3 4 5 6 7 8; do
		storm "$worker" &
		workers[worker]=$!
	done
	for worker in "${!workers[@]}"; do
		wait "${workers[worker]}"
		[[ -e $T_DIR/ended-$worker ]] || fail "worker $worker has died"
	done
	sort "$T_DIR"/done-* | uniq -c >"$T_DIR/done"
}

# Sets missing to a kind that has never succeeded, if there is one
all_have_succeeded() {
	for missing in create suspend noflush resume load clear rename pin unpin remove force wipe; do
		grep -q " $missing\$" "$T_DIR/done" || return
	done
}

for round in 1 2 3 4; do
	storms
	! all_have_succeeded || break
done
cat "$T_DIR/done" >&2
all_have_succeeded || fail "no $missing has succeeded: the test is too weak"

dmsetup info -u "$uuid" >/dev/null 2>&1 || create
dmsetup load -u "$uuid" --table "0 $size interpose $dev linear $dev 0"
dmsetup resume -u "$uuid"
dmsetup rename "$(name_of_x)" "$P-end"
equal "state" attached "$(interposer_state end)"
wait_redirected end
fio_verify_check load
dmsetup remove "$P-end"
dmsetup mknodes
fio_verify_stop load
umount "$at"
fsck_clean "$dev"
test_done
