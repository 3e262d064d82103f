#!/bin/bash
# Given interposers that are pinned, have a snapshot, show other data than the device holds, or a dirty cache
# When interposectl is to detach them
# Then it refuses each with exit status 1, says what to do, and detaches after that has been done
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot cache

dev=$(partition "$(scratch a)" 64)
spare=$(partition "$(scratch b)" 64 64)
size=$(sectors "$dev")
cleanup dm_remove_if_there "$P-x"

refused() {
	interposectl_status 1 detach "$P-x"
	says "$@"
	[[ $(interposer_state x) == attached ]] || fail "it is not attached any more"
}

interposectl -q attach --name "$P-x" --pin "$dev"
cleanup unpin_if_there x
refused "is pinned" "interposectl unpin $P-x"
interposectl_status 0 unpin "$P-x"
interposectl -q detach "$P-x"

interposectl -q attach --name "$P-x" "$dev" snapshot-origin
dm_create snap "0 $size snapshot $(interposer_beneath x) $spare N 8" >/dev/null
refused "$P-x has snapshots, which would become invalid" "$P-snap"
dmsetup remove "$P-snap"
interposectl -q detach "$P-x"

interposectl -q attach --name "$P-x" "$dev" linear "$spare" 0
exec {opened}<>"$dev"
mkfs.ext4 -qF "$dev"
mkdir "$T_DIR/at"
cleanup unmount_if_there "$T_DIR/at"
mount "$dev" "$T_DIR/at"
refused "shows other data than it holds" "unmount"
umount "$T_DIR/at"
exec {opened}<&-
interposectl -q detach "$dev"

dd if=/dev/zero of="$spare" bs=4096 count=1 conv=fsync status=none
interposectl -q attach --name "$P-x" "$dev" cache "$spare" "${spare%1}2" "$dev" 128 1 writeback smq 0
refused "is a writeback cache" "cleaner and writethrough"
dm_reload x "0 $size interpose $dev cache $spare ${spare%1}2 $dev 128 1 writethrough cleaner 0"
interposectl -q detach "$P-x"
test_done
