#!/bin/bash
# tier: full
# kcsan: yes
# timeout: 500
# Given a raw partition under verified load
# When eight processes at the same moment create an interposer of it, each of another name, twenty times
# Then one of them succeeds each time and interposes it, the others get EBUSY and leave nothing behind, and every block
#   is verified
. tests/lib/test.sh
. tests/lib/cycles.sh
. tests/lib/kill.sh
requires_target interpose

racers=8 rounds=${1:-20}

# racer I: a dmsetup that waits for its table, and has nothing left to do but its ioctls when that comes
racer() {
	local fd
	exec <"$T_DIR/table-$1" # there is somebody who writes: this process itself
	for fd in "${tables[@]}"; do
		exec {fd}>&-
	done
	exec dmsetup create "$P-x$1"
}

# seen: what there is of interposers: mapped devices, disks, references to the module, and the hook
seen() {
	local dm=(/sys/block/dm-*) beneath=(/sys/block/interpose*)
	[[ -e ${dm[0]} ]] || dm=()
	[[ -e ${beneath[0]} ]] || beneath=()
	echo "${#dm[@]} ${#beneath[@]} $(</sys/module/dm_interpose/refcnt)" \
		"$(</sys/module/dm_interpose/parameters/hook_users)"
}

seen_is() {
	[[ $(seen) == "$1" ]]
}

# race: sets winner
race() {
	local i fd said status pids=() tables=()
	winner=''
	for ((i = 0; i < racers; i++)); do
		exec {fd}<>"$T_DIR/table-$i"
		tables[i]=$fd
	done
	for ((i = 0; i < racers; i++)); do
		racer "$i" 2>"$T_DIR/said-$i" &
		pids[i]=$!
	done
	for i in "${!pids[@]}"; do
		wait_until "racer $i waits for its table" 60 reads_its_table "${pids[i]}"
	done
	for i in "${!tables[@]}"; do
		echo "$table" >&"${tables[i]}"
	done
	for fd in "${tables[@]}"; do
		exec {fd}>&-
	done
	for i in "${!pids[@]}"; do
		status=0
		wait "${pids[i]}" || status=$?
		said=$(<"$T_DIR/said-$i")
		if ((status == 0)); then
			[[ ! $winner ]] || fail "x$winner and x$i have both won"
			winner=$i
		else
			equal "status of racer $i" 1 "$status"
			[[ $said == *"$(errno_text EBUSY)"* ]] || fail "racer $i got something else than EBUSY: $said"
		fi
	done
	[[ $winner ]] || fail "nobody has won: $(cat "$T_DIR"/said-*)"
}

reads_its_table() {
	[[ $(<"/proc/$1/comm") == dmsetup ]] && stands_in "$1" pipe_read
}

references_note
disk=$(scratch a)
dev=$(partition "$disk" 64)
table="0 $(sectors "$dev") interpose $dev linear $dev 0"
for ((i = 0; i < racers; i++)); do
	mkfifo "$T_DIR/table-$i"
	cleanup dm_remove_if_there "$P-x$i"
done
fio_verify_start load "$dev" --rate_iops=100
interpose alone "$dev" >"$T_DIR/node"
with_one=$(seen)
dmsetup remove "$P-alone"

winners=''
for ((round = 1; round <= rounds; round++)); do
	race
	wait_until "nothing is left of the losers" 10 seen_is "$with_one"
	[[ $(holder "x$winner") ]]
	wait_redirected "x$winner" 10
	dmsetup remove "$P-x$winner"
	winners+=" $winner"
done
note "winners:$winners"
fio_verify_stop load
references_back "$disk"
test_done
