# shellcheck shell=bash
# Somebody else who is in the way of interposectl once that has looked. Source it after interposectl.sh.

# appears RECORD WORD COMMAND: before the step that "undo WORD" in that record is to undo, and once
appears() {
	echo "if grep -qs 'undo $2' /run/interposectl/$1 && mkdir $T_DIR/once; then $3; fi 2>/dev/null || true" >"$T_DIR/run"
	rm -rf "$T_DIR/once"
}

# in_between STATUS ARGUMENT…: interposectl, with what it says in $said
in_between() {
	local status=0
	said=$(RUN="sh $T_DIR/run" "$INTERPOSECTL-killed" "${@:2}" 2>&1) || status=$?
	note "$said"
	equal "status" "$1" "$status"
	[[ -d $T_DIR/once ]] || fail "nobody was in its way: the test is broken"
}
