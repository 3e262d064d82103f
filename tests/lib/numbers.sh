# shellcheck shell=bash
# A writer that syncs each number on one file system before it writes it on another, and what snapshots of the two have
# of that. Source it after test.sh.

numbers_write() {
	local i
	trap - ERR
	for ((i = 1; ; i++)); do
		dd of="$1/number" conv=fsync,notrunc status=none <<<"$i" || return
		dd of="$2/number" conv=fsync,notrunc status=none <<<"$i" || return
	done
}

# numbers_start AT AT
numbers_start() {
	numbers_at=$2
	echo 0 >"$1/number"
	echo 0 >"$2/number"
	numbers_write "$@" 2>"$T_DIR/writer" &
	numbers_writer=$!
	cleanup eval "kill $numbers_writer 2>/dev/null || true"
}

numbers_beyond() {
	local now
	now=$(<"$numbers_at/number")
	((now > $1 + 2))
}

numbers_get_on() {
	wait_until "the writer gets on" 60 numbers_beyond "$(<"$numbers_at/number")"
}

numbers_stop() {
	kill "$numbers_writer"
	wait "$numbers_writer" || true
}

# number_in DEV [MOUNT-OPTIONS]
number_in() {
	local at=$T_DIR/look number
	mkdir -p "$at"
	mount -o "${2:-defaults}" "$1" "$at"
	number=$(<"$at/number")
	umount "$at"
	echo "$number"
}

# numbers_belong_together SNAPSHOT SNAPSHOT [MOUNT-OPTIONS]: the first is ahead by one at most
numbers_belong_together() {
	local a b
	a=$(number_in "$1" "${3:-}") b=$(number_in "$2" "${3:-}")
	note "$a on the first, $b on the second"
	((b <= a && a <= b + 1)) || fail "$a is on the first, $b on the second: they do not belong together"
}
