#!/bin/bash
# tier: full
# timeout: 1200
# Given a mounted ext4 under load, and another file system
# When interposectl is killed before each of its steps in turn, as it begins to track the first with a file on the second,
#   and as it ends that
# Then the file system takes writes, and after "recover" it is tracked with all that belongs to that, or nothing is left:
#   no file, no loop device, no mapped device, and no line for the boot
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target era
requires era_restore

# is_tracked: with all that belongs to it
is_tracked() {
	dm_exists "$P-x" || return 1
	[[ -e $file && $(losetup -nO BACK-FILE) == "$file" && $(<"$T_DIR/tab") == "$P-x "* ]] ||
		fail "a part is missing: $(ls "$space"; losetup -a; cat "$T_DIR/tab")"
	equal "records" "" "$(ls /run/interposectl)"
}

nothing_is_left() {
	equal "mapped devices" "" "$(dmsetup ls | grep -v '^No devices found' || true)"
	equal "loop devices" "" "$(losetup -nO NAME)"
	equal "files" lost+found "$(ls "$space" && ls /run/interposectl)"
	equal "lines" "" "$(cat "$T_DIR/tab" 2>/dev/null || true)"
}

space=$(mkfs_mounted ext4 "$(partition "$(scratch b)" 64)")
dev=$(partition "$(scratch a)" 64)
at=$(mkfs_mounted ext4 "$dev")
file=$space/era
cleanup dm_remove_if_there "$P-x"
cleanup unpin_if_there x
interposectl_cleans
fio_verify_start load "$at" --size=4M
on=(track on --tab "$T_DIR/tab" --name "$P-x" --file "$file" "$dev")
off=(track off --tab "$T_DIR/tab" "$P-x")
for ((n = 1; ; n++)); do
	killed_at "$n" "${on[@]}" || break
	interposectl_status 0 recover
	if is_tracked; then interposectl -q "${off[@]}"; fi
	nothing_is_left
done
((n > 6)) || fail "only $n steps: the test is broken"
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
umount "$at"
fsck_clean "$dev"
test_done
