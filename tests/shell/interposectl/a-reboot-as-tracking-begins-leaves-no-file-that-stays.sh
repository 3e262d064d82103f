#!/bin/bash
# tier: full
# timeout: 1200
# Given a mounted ext4
# When the machine is started anew before each step in turn of a command that begins to track it with a file of its own
# Then "recover" removes that file, and so does the same command, or that goes on with it; and no file is removed that has
#   a record in it, or is a copy of one
. tests/lib/test.sh
. tests/lib/interposectl.sh
. tests/lib/settled.sh
requires_target era
requires era_restore

# rebooted: with its mapped devices, and with what is in /run
rebooted() {
	unpin_if_there x
	dm_remove_if_there "$P-x"
	dm_remove_if_there "$P-x-era"
	rm -f /run/interposectl/*
}

dev=$(partition "$(scratch a)" 64)
at=$(mkfs_mounted ext4 "$dev")
file=$at/era
cleanup dm_remove_if_there "$P-x-era"
cleanup dm_remove_if_there "$P-x"
cleanup unpin_if_there x
interposectl_cleans
on=(track on --tab "$T_DIR/tab" --name "$P-x" --file "$file" "$dev")
off=(track off --tab "$T_DIR/tab" "$P-x")
removed=0
for ((n = 1; ; n++)); do
	killed_at "$n" "${on[@]}" || break
	rebooted
	said=''
	# each step by one of both, as that takes its time
	((n % 2)) || interposectl_status 0 recover
	if [[ -e $file ]]; then
		interposectl_status 0 "${on[@]}"
		interposectl -q "${off[@]}"
	fi
	[[ $said != *"removed $file, which a command before the last reboot has left"* ]] || removed=$((removed + 1))
	[[ ! -e $file ]] || fail "the file is left"
	equal "lines" "" "$(cat "$T_DIR/tab" 2>/dev/null || true)"
done
((removed > 5)) || fail "only $removed were removed"
cp -a "$file" "$at/copy"
interposectl_status 0 track off --keep-file --tab "$T_DIR/tab" "$P-x"
boots_anew
interposectl_status 0 recover
says "nothing to clean up"
[[ -e $file && -e $at/copy ]] || fail "a file with a record was removed"
boot_id_gone
chattr -i "$file"
umount "$at"
fsck_clean "$dev"
test_done
