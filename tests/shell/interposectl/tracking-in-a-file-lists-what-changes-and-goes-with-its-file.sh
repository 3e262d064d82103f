#!/bin/bash
# tier: full
# timeout: 900
# Given an ext4 under load, and another file system on another disk
# When it is tracked with --file there, written to, snapshotted with the COW store beside that file and together with that
#   file system, detached and attached again, written to while it is detached; when its file is in use, away or another
#   one at the attach; and when it is tracked no more, with --keep-file and without, and again with a file that was kept
# Then the changes are listed until the gap, which is found; each of these attaches is refused with the reason; and neither
#   a loop device stays nor, without --keep-file, the file
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target era snapshot
requires era_restore era_invalidate

write() {
	dd if=/dev/urandom of="$at/$1" bs=64k count=4 conv=fsync status=none
}

# how_much POINT: bytes that have changed since then
how_much() {
	interposectl changed --since "$1" --format ranges "$P-x" | awk '{ n += $2 } END { print n + 0 }'
}

loops_are() {
	equal "loop devices" "$1" "$(losetup -nO BACK-FILE,AUTOCLEAR | sed 's/  */ /g')"
}

apart() {
	interposectl -q unpin "$P-x"
	interposectl -q detach "$P-x"
	loops_are ""
}

# not_started 'text'
not_started() {
	interposectl_status 1 start --tab "$T_DIR/tab" "$P-x"
	says "$1"
	equal "mapped devices" "" "$(dmsetup ls | grep "^$P-x" || true)"
}

dev=$(partition "$(scratch a)" 200 200)
other=$(partition "$(scratch b)" 300)
space=$(mkfs_mounted ext4 "$other")
at=$(mkfs_mounted ext4 "$dev")
file=$space/'a b%c.era'
track=(track on --tab "$T_DIR/tab" --name "$P-x")
cleanup dm_remove_if_there "$P-x-origin"
cleanup dm_remove_if_there "$P-x"
cleanup unpin_if_there x
interposectl_cleans
fio_verify_start load "$at" --size=4M
interposectl_status 0 --dry-run "${track[@]}" --file "$file" "$dev"
says "fallocate -l 42" "losetup -f '$file'" "FILE=$space/a\\x20b\\x25c.era %d 128"
[[ ! -e $file ]] || fail "a dry run has made the file"

interposectl_status 0 "${track[@]}" --file "$file" "$dev"
says "$space is not in /etc/fstab"
point=$(interposectl changed --mark "$P-x")
equal "the line" "$P-x nofail,pin,series=${point%:*} era FILE=$space/a\\x20b\\x25c.era %d 128" \
	"$(cut -d ' ' -f 1,3- "$T_DIR/tab")"
equal "whose file it is" "600 root" "$(stat -c '%a %U' "$file")"
loops_are "$file 1"
not flock -n "$file" true
not umount "$space"
interposectl_status 0 track status --json "$at"
says_json "\"file\":\"$file\"" "\"since\":\"${point%:*}:1\"" '"gap":null'
write one
(($(how_much "$point") >= 262144)) || fail "only $(how_much "$point") bytes have changed"
interposectl_status 1 track on --tab "$T_DIR/tab" --name "$P-y" --file "$file" "$(part a 2)"
says "is in use by /dev/loop"

interposectl_status 0 snapshot --size 16M --name "$P-snap" "$at"
says "the COW store is the file $space/" "--since ${point%:*}:"
interposectl_status 0 snapshot --remove "$P-snap"
interposectl_status 0 snapshot --ram --size 16M --name "$P-two" "$other" "$dev"
fio_verify_check load
interposectl_status 0 snapshot --remove "$P-two"
fio_verify_stop load
umount "$at"

apart
interposectl_status 0 start --tab "$T_DIR/tab" "$P-x"
[[ $said != *"full backup"* ]] || fail "a detach without a write is a gap"
(($(how_much "$point") >= 262144)) || fail "what was written before the detach is not in the list"
apart
flock "$file" true
loop=$(losetup -f --show "$file")
not_started "$file is in use by $loop"
losetup -d "$loop"
exec {held}<"$file"
flock "$held"
not_started "$file is in use by another process"
exec {held}<&-
mv "$file" "$file.away"
not_started "cannot open $file, where it is recorded what changes: No such file"
cp "$T_DIR/tab" "$T_DIR/tab.kept"
interposectl_status 0 track on --tab "$T_DIR/tab.other" --name "$P-y" --file "$file" "$(part a 2)"
cleanup dm_remove_if_there "$P-y"
cleanup unpin_if_there y
interposectl_status 0 track off --keep-file --tab "$T_DIR/tab.other" "$P-y"
not_started "does not hold the series ${point%:*} that its line names"
interposectl_status 1 "${track[@]}" --file "$file" "$dev"
says "$file exists, and holds the record of changes of another device than $dev"
mv "$file.away" "$file"
mount "$dev" "$at"
write two
umount "$at"
interposectl_status 0 start --tab "$T_DIR/tab" "$P-x"
says "full backup needed: it was written to while it was not attached"
interposectl_status 4 changed --since "$point" "$P-x"

interposectl_status 0 track off --keep-file --tab "$T_DIR/tab" "$dev"
loops_are ""
interposectl_status 0 "${track[@]}" --file "$file" "$dev"
equal "its series" "${point%:*}" "$(interposectl changed --mark "$P-x" | cut -d : -f 1)"
interposectl_status 0 track off --keep-file --tab "$T_DIR/tab" "$dev"
interposectl_status 0 "${track[@]}" --wipe --file "$file" "$dev"
new=$(interposectl changed --mark "$P-x")
[[ ${new%:*} != "${point%:*}" ]] || fail "--wipe has not begun a new series"
interposectl_status 0 track off --tab "$T_DIR/tab" "$dev"
says "$file, where it was recorded, is removed"
loops_are ""
equal "files" lost+found "$(ls -A "$space")"
equal "the file for the boot" "" "$(<"$T_DIR/tab")"
equal "mapped devices that are left" "" "$(dmsetup ls | grep "^$P-" || true)"
umount "$space"
fsck_clean "$dev"
test_done
