#!/bin/bash
# tier: full
# timeout: 300
# Given a dangling link or a mounted directory where a snapshot's COW store is to be; or a file, a directory or a metadata
#   snapshot of era that somebody else creates once interposectl has looked
# When interposectl is to create its own
# Then it fails, and what was in its way is still there; also if it is killed before it can fail, and "recover" cleans up
. tests/lib/test.sh
. tests/lib/interposectl.sh
. tests/lib/in_between.sh
requires_target era
requires_target snapshot

interposectl_cleans
dev=$(partition "$(scratch a)" 64)
spare=$(partition "$(scratch b)" 64 64)
space=$T_DIR/space
mkdir "$space"
cleanup unmount_if_there "$space"
mkfs.ext4 -qF "$spare"
mount "$spare" "$space"
make=(snapshot --name "$P-snap" --size 8M)
ln -s "$T_DIR/nowhere" "$space/cow"
interposectl_status 1 "${make[@]}" --file "$space/cow" "$dev"
equal "the link" "$T_DIR/nowhere" "$(readlink "$space/cow")"
says "$space/cow already exists"
for kill in 0 2; do
	rm "$space/cow"
	appears "$P-snap" file "echo mine >$space/cow"
	KILL_AT=$kill in_between $((kill ? 137 : 1)) "${make[@]}" --file "$space/cow" "$dev"
	interposectl_status 0 recover
	equal "the file" mine "$(<"$space/cow")"
done
says "$space/cow may not be a file that interposectl has created, and is left alone"
rm "$space/cow"

ram=/run/interposectl/ram-$P-snap
cleanup unmount_if_there "$ram"
mkdir "$ram"
mount -t tmpfs none "$ram"
interposectl_status 1 "${make[@]}" --ram "$dev"
mountpoint -q "$ram" || fail "somebody else's $ram is unmounted"
says "$ram already exists"
umount "$ram"
rmdir "$ram"
appears "$P-snap" ram "mkdir $ram; mount -t tmpfs none $ram"
in_between 1 "${make[@]}" --ram "$dev"
mountpoint -q "$ram" || fail "somebody else's $ram is unmounted"
umount "$ram"
rmdir "$ram"
equal "mapped devices" "" "$(dmsetup ls | grep -v '^No devices found' || true)"
equal "loop devices" "" "$(losetup -nO NAME)"

cleanup dm_remove_if_there "$P-x"
interposectl -q attach --name "$P-x" "$dev" era "${spare%1}2" "$dev" 128
appears "changed-$P-x" metadata-snapshot "dmsetup message $P-x 0 take_metadata_snap"
in_between 1 changed "$P-x"
interposectl_status 1 changed "$P-x"
says "there is a metadata snapshot"
dmsetup message "$P-x" 0 drop_metadata_snap
interposectl_status 0 detach "$P-x"
equal "records" "" "$(ls /run/interposectl)"
umount "$space"
test_done
