#!/bin/bash
# tier: full
# timeout: 500
# Given a record that cannot be undone: its file system is read-only, its volume group is missing, its
#   snapshot is in use, a line of it is not understood, it is of another version, or no file at all
# When interposectl lists, attaches, detaches and makes snapshots of another device, and is to remove that snapshot
# Then all of the first succeed, with one line that names the record and says what to do; the last one fails; and when
#   that is done, "recover" leaves nothing
. tests/lib/test.sh
. tests/lib/interposectl.sh
. tests/lib/left.sh
requires_target snapshot
requires lvm

# hinders_nobody TEXT…: and is said, in one line of each command
hinders_nobody() {
	local command
	for command in "snapshot --list" "attach --name $P-y $two" "list" "detach $P-y" \
		"snapshot --name $P-two --ram --size 8M $two" "snapshot --remove $P-two"; do
		# shellcheck disable=SC2086 # words
		interposectl_status 0 $command
		says "$P-snap" "interposectl"
		[[ $command == list ]] || says "$@"
		equal "complaints of $command" 1 "$(grep -c '^interposectl: ' <<<"$said")"
	done
	interposectl_status 1 snapshot --remove "$P-snap"
	says "$@"
	interposectl_status 1 recover
	says "$@"
}

remake() {
	interposectl -q snapshot --name "$P-snap" --size 8M --file "$space/cow" "$at"
}

interposectl_cleans
lvm_space_begin
dev=$(partition "$(scratch a)" 64 64)
two=${dev%1}2
at=$(mkfs_mounted ext4 "$dev")
record=/run/interposectl/$P-snap
remake
dmsetup remove "$P-snap"
losetup -d "$(losetup -nO NAME -j "$space/cow")"
mount -o remount,ro "$space"
interposectl_status 1 snapshot --remove "$P-snap"
says "cannot remove $space/cow: Read-only file system" "then: interposectl recover"
hinders_nobody "cannot remove $space/cow: Read-only file system" "then: interposectl recover"
interposectl_status 1 snapshot --name "$P-snap" --ram "$at"
says "interposectl recover"
mount -o remount,rw "$space"
interposectl_status 0 recover
nothing_is_left

remake
sed -i /ready/d "$record" # as if it had been killed before
mkdir "$T_DIR/look"
cleanup unmount_if_there "$T_DIR/look"
mount -o ro "/dev/mapper/$P-snap" "$T_DIR/look"
hinders_nobody "/dev/mapper/$P-snap is in use (umount it)"
umount "$T_DIR/look"
interposectl_status 0 snapshot --remove "$P-snap"
nothing_is_left

for line in 'rubbish' 'undo frob x' 'interposectl 9' ''; do
	remake
	cp "$record" "$T_DIR/record"
	sed -i "1s/.*/$line/" "$record"
	hinders_nobody "is left alone; remove by hand what it names, then: rm $record"
	[[ -e /dev/mapper/$P-snap ]] || fail "the snapshot is gone"
	cp "$T_DIR/record" "$record"
	removed
done
mkfifo "$record"
hinders_nobody "is not a record"
rm "$record"
: >"$record"
interposectl_status 0 recover
nothing_is_left

interposectl -q snapshot --name "$P-snap" --size 8M --vg "$P-vg" "$at"
dmsetup remove "$P-snap"
wipefs -qaf "$pv"
interposectl_status 1 snapshot --remove "$P-snap"
hinders_nobody "volume group $P-vg is missing (if it is gone for good: dmsetup remove "
eval "$(grep -o 'dmsetup remove [^)]*' <<<"$said")"
interposectl_status 0 recover
says "volume group $P-vg is gone"
equal "records" "" "$(ls /run/interposectl)"
umount "$at" "$space"
fsck_clean "$dev"
test_done
