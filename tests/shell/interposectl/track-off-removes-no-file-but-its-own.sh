#!/bin/bash
# tier: full
# timeout: 300
# Given an ext4 that is tracked with a file of its own
# When tracking ends after its directory was renamed, and another file has its name; and when the end is killed before each
#   of its steps in turn, of a file that was kept under another name, while a process has what lies on it open
# Then that other file stays, and it is said that the one with the record does; and "recover" does not remove the file as
#   long as it is in use
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target era
requires era_restore

cleanup dm_remove_if_there "$P-x-era"
cleanup dm_remove_if_there "$P-x"
cleanup unpin_if_there x
cleanup dm_remove_if_there "$P-y-era"
cleanup dm_remove_if_there "$P-y"
cleanup unpin_if_there y
interposectl_cleans
at=$(mkfs_mounted ext4 "$(partition "$(scratch a)" 64)")
track=(track on --tab "$T_DIR/tab" --file)
mkdir "$at/one"
interposectl_status 0 "${track[@]}" "$at/one/era" --name "$P-x" "$at"
mv "$at/one" "$at/other"
mkdir "$at/one"
echo mine >"$at/one/era"
interposectl_status 0 track off --tab "$T_DIR/tab" "$at"
says "the file where it was recorded is not there"
equal "the other file" mine "$(cat "$at/one/era")"
[[ -e $at/other/era ]] || fail "the file that was renamed is gone"
equal "mapped devices" "" "$(dmsetup ls | grep -v '^No devices found' || true)"
equal "lines" "" "$(<"$T_DIR/tab")"

file=$at/other/era
for ((n = 1; ; n++)); do
	interposectl_status 0 "${track[@]}" "$file" --name "$P-y" "$at"
	exec {held}<"/dev/mapper/$P-y-era"
	status=0
	KILL_AT=$n "$INTERPOSECTL-killed" -q track off --tab "$T_DIR/tab" "$P-y" || status=$?
	note "killed before step $n: status $status"
	interposectl -q recover || true
	[[ -e $file ]] || fail "killed before step $n: a file that is in use was removed"
	exec {held}<&-
	interposectl_status 0 recover
	((status == 137)) || break
	! dm_exists "$P-y" || interposectl_status 0 track off --keep-file --tab "$T_DIR/tab" "$P-y"
	[[ -e $file ]] || interposectl_status 0 "${track[@]}" "$file" --name "$P-x" "$at"
	! dm_exists "$P-x" || interposectl_status 0 track off --keep-file --tab "$T_DIR/tab" "$P-x"
done
((n > 6)) || fail "only $n steps: the test is broken"
equal "status beside who has it open" 1 "$status"
test_done
