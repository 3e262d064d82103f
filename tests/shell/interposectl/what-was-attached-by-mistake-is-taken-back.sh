#!/bin/bash
# timeout: 240
# Given a mounted ext4, also one with a line in an interposetab
# When another device's data are attached over it, with the word that allows it
# Then it is attached; a plain detach and stop are refused and name --force, a pin holds against that; detach --force gives
#   the mounted file system back, whole
. tests/lib/test.sh
. tests/lib/interposectl.sh

# taken_back ARGUMENT: other data are shown, and then the right ones
taken_back() {
	[[ $(device_sum "$dev" 32) != "$shown" ]] || fail "nothing is hidden: the test is broken"
	interposectl_status 1 detach "$P-x"
	says "shows other data than it holds" "interposectl detach --force $P-x"
	interposectl_status 1 stop "$P-x"
	says "detach --force"
	interposectl_status 0 detach --force "$1"
	not dm_exists "$P-x"
	equal "the file" "$before" "$(device_sum "$at/file" 4)"
	date >"$at/written"
	sync -f "$at"
	umount "$at"
	fsck_clean "$dev"
	mount "$dev" "$at"
}

dev=$(partition "$(scratch a)" 64)
spare=$(partition "$(scratch b)" 64)
cleanup dm_remove_if_there "$P-x"
cleanup unpin_if_there x
at=$(mkfs_mounted ext4 "$dev")
random_fill "$at/file" 4
sync -f "$at"
before=$(device_sum "$at/file" 4)
shown=$(device_sum "$dev" 32)
echo "$P-x $dev - linear $spare 0" >"$T_DIR/tab"
echo "$P-x $dev defaults,replace-data linear $spare 0" >"$T_DIR/tab-with-word"

interposectl_status 0 attach --replace-data --name "$P-x" "$at" linear "$spare" 0
taken_back "$P-x"
interposectl_status 1 start --tab "$T_DIR/tab" "$P-x"
says "is mounted on $at" "add replace-data to the options of its line"
not dm_exists "$P-x"
interposectl_status 0 start --tab "$T_DIR/tab-with-word" "$P-x"
taken_back "$dev"
interposectl_status 0 attach --replace-data --pin --name "$P-x" "$at" linear "$spare" 0
interposectl_status 1 detach --force "$P-x"
says "is pinned"
dmsetup message "$P-x" 0 interpose unpin
taken_back "$at"
umount "$at"
test_done
