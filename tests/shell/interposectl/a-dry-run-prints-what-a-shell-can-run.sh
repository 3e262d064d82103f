#!/bin/bash
# Given a mounted ext4
# When interposectl makes a snapshot with --dry-run, with its COW store on a device and in a file on its origin, and a shell
#   runs what it has printed
# Then nothing is changed by the first, and the second makes the same snapshot
. tests/lib/test.sh
. tests/lib/interposectl.sh
. tests/lib/settled.sh
requires_target snapshot

spare=$(partition "$(scratch b)" 64)
dev=$(partition "$(scratch a)" 64)
cleanup dm_remove_if_there "interpose-${dev#/dev/}"
cleanup dm_remove_if_there "$P-snap"
at=$(mkfs_mounted ext4 "$dev")
echo old >"$at/file"
interposectl --dry-run snapshot --name "$P-snap" --cow "$spare" "$at" >"$T_DIR/script"
equal "mapped devices" "" "$(dmsetup ls | grep -v '^No devices found' || true)"
note "$(<"$T_DIR/script")"
sh -e "$T_DIR/script" 2>"$T_DIR/log"
echo new >"$at/file"
mkdir "$T_DIR/look"
cleanup unmount_if_there "$T_DIR/look"
mount -o ro "/dev/mapper/$P-snap" "$T_DIR/look"
equal "the file in the snapshot" old "$(<"$T_DIR/look/file")"
umount "$T_DIR/look"
interposectl_status 0 snapshot --remove "$P-snap"
interposectl --dry-run detach "$dev" >"$T_DIR/script"
equal "the dry run of detach" "dmsetup remove --retry interpose-${dev#/dev/}" "$(<"$T_DIR/script")"
interposectl_status 0 detach "$dev"

cleanup dm_remove_if_there "interpose-${dev#/dev/}"
cleanup dm_remove_if_there "$P-snap-cow"
cleanup dm_remove_if_there "$P-snap"
interposectl --dry-run snapshot --name "$P-snap" --size 8M --file "$at/cow" "$at" >"$T_DIR/script"
note "$(<"$T_DIR/script")"
[[ ! -e $at/cow ]] || fail "a dry run has made the file"
echo old >"$at/file"
sh -e "$T_DIR/script" 2>"$T_DIR/log"
store_is_the_file snap "$at/cow"
echo new >"$at/file"
mount -o ro "/dev/mapper/$P-snap" "$T_DIR/look"
equal "the file in the snapshot" old "$(<"$T_DIR/look/file")"
umount "$T_DIR/look"
interposectl_status 0 snapshot --remove "$P-snap"
dmsetup remove "$P-snap-cow"
interposectl_status 0 detach "$dev"
chattr -i "$at/cow"
umount "$at"
fsck_clean "$dev"
test_done
