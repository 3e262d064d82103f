# shellcheck shell=bash
# The log of the inner target log-writes, replayed with tests/programs/log-replay.c. Source it after test.sh.

# log_mark NAME DEV TEXT: a mark behind all that has been written to DEV. What was not flushed is not in the log yet.
log_mark() {
	sync "$2"
	dmsetup message "$P-$1" 0 mark "$3"
}

# log_entry LOG TEXT: the number of that mark's entry
log_entry() {
	local list
	list=$("$(program log-replay)" list "$1")
	[[ $list =~ (^|$'\n')([0-9]+)\ [^$'\n']*k\ "$2"($'\n'|$) ]] || fail "the log has no mark $2"
	echo "${BASH_REMATCH[2]}"
}

# log_replay LOG TARGET FROM TO: the entries after FROM up to TO
log_replay() {
	"$(program log-replay)" apply "$@" >"$T_DIR/last-mark"
}
