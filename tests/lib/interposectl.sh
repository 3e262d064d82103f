# shellcheck shell=bash
# interposectl, built with ASan and UBSan, and what it says. Source it after test.sh. tests/run has built it on the host;
# for a test by hand it is built in the guest, which takes minutes.

INTERPOSECTL=${DM_INTERPOSE_PROGRAMS:-$T_DIR/programs}/interposectl
[[ -x $INTERPOSECTL ]] ||
	made -C userspace SAN=1 O="${INTERPOSECTL%/*}" all "$INTERPOSECTL-killed" >&2
# Without ASan, which does not let memory be locked
PLAIN=${INTERPOSECTL%/*}/plain/interposectl
[[ -x $PLAIN ]] || made -C userspace O="${PLAIN%/*}" all "$PLAIN-killed" >&2
export ASAN_OPTIONS=exitcode=99 UBSAN_OPTIONS=exitcode=99

interposectl() {
	local status=0
	"$INTERPOSECTL" "$@" || status=$?
	((status < 90)) || fail "status $status of interposectl $*"
	return "$status"
}

# interposectl_status WANTED ARGUMENT…: its exit status; what it says is in $said
interposectl_status() {
	local wanted=$1 status=0
	shift
	said=$(interposectl "$@" 2>&1) || status=$?
	note "$said"
	equal "status of interposectl $*" "$wanted" "$status"
}

# says TEXT…: the last one did
says() {
	local text
	for text; do
		[[ $said == *"$text"* ]] || fail "'$text' is not in: $said"
	done
}

# says_json TEXT…: without the blanks between words
says_json() {
	said=${said//\": /\":}
	says "$@"
}

# kernel_node DEVICE: the node by which a table names it
kernel_node() {
	local link
	link=$(readlink "/sys/dev/block/$(devno "$1")")
	echo "/dev/${link##*/}"
}

# take_writes MOUNTPOINT…: within a minute each, so none is frozen
take_writes() {
	local one
	for one; do
		in_time 60 dd if=/dev/zero of="$one/written" bs=4k count=1 conv=fsync status=none ||
			fail "$one does not take a write"
	done
}

# killed_at N COMMAND…: killed before its Nth step; what is mounted at $at, if there is that, takes writes then. 137, or 0
# when there is no such step
killed_at() {
	local status=0
	KILL_AT=$1 "$INTERPOSECTL-killed" -q "${@:2}" >"$T_DIR/said" 2>&1 || status=$?
	note "killed before step $1: status $status"
	((status == 0 || status == 137)) || fail "status $status: $(<"$T_DIR/said")"
	# shellcheck disable=SC2154 # the test sets it
	[[ ! $at ]] || take_writes "$at"
	((status == 137))
}

# interposectl_cleans: whatever it has made goes at the end
interposectl_cleans() {
	cleanup interposectl_gone
}

interposectl_gone() {
	local file
	"$INTERPOSECTL" -q recover || true
	for file in /run/interposectl/*; do
		[[ ! -e $file ]] || "$INTERPOSECTL" -q snapshot --remove "${file##*/}" || true
	done
}

# snapshot_refused 'text' ARGUMENT…: in one line that says so, and no device, record, or file in $at is left of it
snapshot_refused() {
	local before
	before=$(ls -A "$at")
	interposectl_status 1 snapshot --name "$P-snap" "${@:2}"
	says "$1"
	equal "lines" 1 "$(wc -l <<<"$said")"
	equal "mapped devices" "" "$(dmsetup ls | grep -v '^No devices found' || true)"
	equal "records" "" "$(ls /run/interposectl)"
	equal "files" "$before" "$(ls -A "$at")"
}
