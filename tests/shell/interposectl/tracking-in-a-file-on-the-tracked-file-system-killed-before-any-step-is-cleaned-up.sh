#!/bin/bash
# tier: full
# timeout: 1800
# Given a mounted ext4 under load
# When interposectl is killed before each of its steps in turn: as it begins to track it with a file of its own, as it
#   detaches it once it is unmounted, as it attaches it again, and as it ends that
# Then the file system takes writes; after "recover" it is tracked with all that belongs to that, or nothing is left; and
#   what is attached again after a detach or an attach that were killed goes on without a gap
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target era snapshot
requires era_restore

maps_are() {
	equal "mapped devices" "$1" "$(dmsetup ls | sed -n 's/\t.*//p' | sort | xargs)"
	equal "loop devices" "" "$(losetup -nO NAME)"
	equal "records" "" "$(ls /run/interposectl)"
}

# is_tracked: with all that belongs to it
is_tracked() {
	dm_exists "$P-x" || return 1
	maps_are "$P-x $P-x-era"
	[[ $(dmsetup table "$P-x") == *" era "* && -e $file && $(<"$T_DIR/tab") == "$P-x "* ]] ||
		fail "a part is missing: $(dmsetup table; ls "$at"; cat "$T_DIR/tab")"
}

nothing_is_left() {
	maps_are ""
	[[ ! -e $file ]] || fail "$file is left"
	equal "lines" "" "$(cat "$T_DIR/tab" 2>/dev/null || true)"
}

# goes_on: what is attached from here on has no gap
goes_on() {
	interposectl_status 0 start --tab "$T_DIR/tab" "$P-x"
	[[ $said != *"full backup"* ]] || fail "this is no gap"
	maps_are "$P-x $P-x-era"
	interposectl_status 0 -q changed --since "$point" "$P-x"
}

dev=$(partition "$(scratch a)" 64)
at=$(mkfs_mounted ext4 "$dev")
file=$at/era
cleanup dm_remove_if_there "$P-x-era"
cleanup dm_remove_if_there "$P-x"
cleanup unpin_if_there x
interposectl_cleans
fio_verify_start load "$at" --size=4M
on=(track on --tab "$T_DIR/tab" --name "$P-x" --file "$file" "$dev")
off=(track off --tab "$T_DIR/tab" "$P-x")
start=(start --tab "$T_DIR/tab" "$P-x")
for ((n = 1; ; n++)); do
	killed_at "$n" "${on[@]}" || break
	interposectl_status 0 recover
	if is_tracked; then interposectl -q "${off[@]}"; fi
	nothing_is_left
done
((n > 10)) || fail "only $n steps: the test is broken"
is_tracked || fail "it was not killed, and is not tracked"
for ((n = 1; ; n++)); do
	killed_at "$n" "${off[@]}" || break
	interposectl_status 0 recover
	is_tracked || {
		nothing_is_left
		interposectl -q "${on[@]}"
	}
done
((n > 6)) || fail "only $n steps: the test is broken"
nothing_is_left
fio_verify_stop load

interposectl -q "${on[@]}"
point=$(interposectl changed --mark "$P-x")
umount "$at"
for ((n = 1; ; n++)); do
	interposectl -q unpin "$P-x"
	at='' killed_at "$n" detach "$P-x" || break
	interposectl_status 0 recover
	if dm_exists "$P-x"; then interposectl_status 0 detach "$P-x"; fi
	maps_are ""
	goes_on
done
((n > 4)) || fail "only $n steps: the test is broken"
for ((n = 1; ; n++)); do
	at='' killed_at "$n" "${start[@]}" || break
	interposectl_status 0 recover
	maps_are ""
done
((n > 6)) || fail "only $n steps: the test is broken"
interposectl_status 0 -q changed --since "$point" "$P-x"
fsck_clean "$dev"
mount "$dev" "$at"
is_tracked || fail "it is not tracked any more"
interposectl -q "${off[@]}"
umount "$at"
fsck_clean "$dev"
test_done
