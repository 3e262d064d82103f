# shellcheck shell=bash
# Files and trees of files that are worked on at random beside a model of them (tests/programs/file-model, tree-model), on
# the file systems of the storm, whose operators attach, suspend, reload and detach meanwhile. Source it after test.sh,
# cycles.sh and storm.sh.

# files_run OPERATIONS SEED: in the background. They end by themselves when they have done so many, and
# $T_DIR/files-go-on is gone; then $T_DIR/files-work is removed.
files_run() {
	local device fields number=$2 at
	: >"$T_DIR/files-work"
	for device in "${storm_devices[@]}"; do
		IFS=, read -ra fields <<<"$device"
		at=${fields[2]}
		[[ $at != - ]] || continue
		mkdir "$at/one" "$at/two" "$at/shared"
		files_process "file-${fields[0]}" "$(program file-model)" --ops "$1" --seed "$number" "$at/file"
		files_process "tree-${fields[0]}" "$(program tree-model)" --ops "$1" --seed "$number" --shared "$at/shared" "$at/one"
		files_process "other-${fields[0]}" "$(program tree-model)" --ops "$1" --seed $((number + 100)) \
			--shared "$at/shared" "$at/two"
		number=$((number + 1))
	done
	files_wait &
}

# files_process NAME COMMAND… LAST
files_process() {
	local name=$1
	shift
	nice -n 19 "${@:1:$#-1}" --while "$T_DIR/files-go-on" --log "$T_DIR/$name.steps" "${@: -1}" \
		>"$T_DIR/$name.models" 2>&1 </dev/null &
	echo $! >"$T_DIR/$name.pid"
	cleanup files_kill "$name"
}

files_gone() {
	! kill -0 "$(<"$T_DIR/$1.pid")" 2>/dev/null
}

files_kill() {
	files_gone "$1" || kill -KILL "$(<"$T_DIR/$1.pid")" 2>/dev/null || true
	wait_until "$1 is gone" 20 files_gone "$1"
}

# files_wait: removes the mark when all have ended
files_wait() {
	local log
	trap - ERR
	for log in "$T_DIR"/*.models; do
		until files_gone "$(basename "$log" .models)"; do
			pause 1
		done
	done
	rm -f "$T_DIR/files-work"
}

# files_judge: each has ended, and found all as its model was
files_judge() {
	local log count=0
	for log in "$T_DIR"/*.models; do
		note "$(<"$log")"
		grep -q 'all was right' "$log" || {
			tail -n 5 "${log%.models}.steps" >&2
			fail "$(grep -m 1 FAILED "$log" || echo "${log##*/} ended badly")"
		}
		count=$((count + 1))
	done
	equal "models" 9 "$count"
}

# files_under_the_storm OPERATIONS SWITCHES SECONDS SEED: of each model, of the operators, at least, from that seed
files_under_the_storm() {
	storm_begin
	references_note
	(($3 == 0)) || : >"$T_DIR/files-go-on"
	files_run "$1" "$4"
	(($3 == 0)) || {
		cleanup rm -f "$T_DIR/files-go-on"
		(pause "$3" && rm "$T_DIR/files-go-on") &
	}
	storm_run --switches "$2" --seconds "$3" --seed "$4" --while "$T_DIR/files-work" || {
		tail -n 40 "$storm_log"
		fail "$(grep -m 1 FAILED "$T_DIR/storm.out" || echo "the storm ended badly")"
	}
	grep -q "seed $4: 0 I/O errors, 0 verify errors" "$T_DIR/storm.out"
	files_judge
	storm_end
	references_back "$(disk a)" "$(disk b)" "$(disk c)" "$(disk d)"
}
