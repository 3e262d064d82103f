#!/bin/bash
# tier: full
# timeout: 600
# Given two backups, and a source to which was written since
# When the third one is killed before each of its steps, and interrupted there
# Then the two are good, nothing has the name of the third unless it is one, what is left says that it is unfinished and is
#   gone after the next backup; that one, and a third one that was complete, hold the source as it was; an interrupted one
#   leaves nothing
. tests/lib/test.sh
. tests/lib/backup.sh
requires qemu-img qemu-nbd python3

backup_setup 12M
write_at 5000000 4000000
back_up --name a
keep_copy a
write_at 4100000 200000
back_up --name b
keep_copy b
zero_at 8000000 500000
write_at 1000000 4000000
keep_copy c

# attempt VARIABLE N: is killed or interrupted before its Nth step; its status
attempt() {
	local status=0
	env "$1=$2" "$BACKUP-killed" backup --no-snapshot --progress none --to "$STORE" "$SOURCE" --name c >"$T_DIR/said" 2>&1 || status=$?
	echo "$status"
}

# An unfinished one says so in its name
nothing_else() {
	local file
	for file in "$STORE"/*; do
		[[ ${file##*/} == [ab].@(json|disk.qcow2) || $file == *.unfinished ]] || echo "${file##*/}"
	done
}

era=$(<"$T_DIR/world/era")
killed=0 complete=0
for ((at = 1; ; at++)); do
	status=$(attempt KILL_AT "$at")
	((status != 0)) || break
	((status == 137)) || fail "step $at: status $status: $(<"$T_DIR/said")"
	killed=$((killed + 1))
	case $(good_ones) in
	"a b")
		left=$(nothing_else)
		# it had its name a moment before its manifest has: that says what is unfinished
		[[ ! $left || ($left == c.disk.qcow2 && -e $STORE/c.json.unfinished) ]] || fail "step $at has left $left"
		;;
	"a b c") complete=$((complete + 1)) ;;
	*) fail "step $at: good are: $(good_ones)" ;;
	esac
	cp -r "$STORE" "$T_DIR/was"
	back_up --name d >"$T_DIR/said"
	! compgen -G "$STORE/*.unfinished" >"$T_DIR/left" || fail "step $at: after the next backup there is $(<"$T_DIR/left")"
	cp "$T_DIR/copies/c" "$T_DIR/copies/d"
	restores d
	rm -rf "$STORE"
	cp -r "$T_DIR/was" "$STORE"
	rm -rf "$T_DIR/was" "$STORE"/c.* "$STORE"/*.unfinished
	echo "$era" >"$T_DIR/world/era"
done
note "killed before each of $killed steps, of which $complete were after the last one that counts"
((killed >= 8)) || fail "only $killed steps: this test is broken"
restores a b c
rm -rf "$STORE"/c.*

for ((at = 1; at <= killed; at += 3)); do
	status=$(attempt INTERRUPT_AT "$at")
	if ((status == 0)); then
		rm "$STORE"/c.*
		continue
	fi
	equal "status of an interrupted one" 3 "$status"
	equal "what it has left" "a.disk.qcow2 a.json b.disk.qcow2 b.json" "$(cd "$STORE" && echo *)"
done
"$BACKUP" backup verify --progress none "$STORE@b"
test_done
