# shellcheck shell=bash
# File systems that an ordinary user keeps from being frozen (tests/programs/hold-write.c). Source it after test.sh.

# held_mounted FS DEV: that file system, in which anybody may make files; sets $at
held_mounted() {
	at=$(mkfs_mounted "$1" "$2")
	mkdir -m 777 "$at/anybody"
}

# held_begin: sets $holder, the user who has a write under way
held_begin() {
	cleanup held_end_if_there "$T_DIR/holder"
	setpriv --reuid 65534 --clear-groups "$(program hold-write)" "$at/anybody/held" &
	holder=$!
	echo "$holder" >"$T_DIR/holder"
	wait_until "a write is under way" 30 stands_in "$holder" iter_file_splice_write
}

held_end() {
	kill "$holder"
	wait "$holder" || true
	rm -f "$T_DIR/holder"
}

held_end_if_there() {
	[[ ! -e $1 ]] || kill "$(<"$1")" 2>/dev/null || true
}

# still_held: what the test has seen, it has seen while the write was under way
still_held() {
	stands_in "$holder" iter_file_splice_write || fail "the write is not under way any more: nothing has been tested"
}

# other_goes_on NAME DEV: all commands work for another device, and a deferred removal, of which the host does one after
# the other
other_goes_on() {
	local opener
	in_time 30 dmsetup create "$P-$1" --table "0 $(sectors "$2") interpose $2 linear $2 0"
	cleanup dm_remove_if_there "$P-$1"
	in_time 30 dmsetup suspend "$P-$1"
	in_time 30 dmsetup resume "$P-$1"
	exec {opener}<"/dev/mapper/$P-$1"
	in_time 30 dmsetup remove --deferred "$P-$1"
	exec {opener}<&-
	wait_until "the deferred removal is done" 60 not_there "$1"
}

not_there() {
	! dm_exists "$P-$1"
}
