#!/bin/bash
# timeout: 180
# Given a disk that is interposed with era, in whose third era something was written
# When the changes are asked for since an era that has not been, is none, or was before the records were cleared, and
#   while somebody else reads the records
# Then interposectl fails, lists nothing, says the current era or what an era is, and leaves the other one's snapshot of
#   the records alone
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target era
requires era_invalidate

# refused STATUS ERA TEXT…: nothing is printed but complaints
refused() {
	local out status=0
	out=$(interposectl changed --since "$2" "$P-x" 2>"$T_DIR/said") || status=$?
	said=$(<"$T_DIR/said")
	note "$said"
	equal "status of --since '$2'" "$1" "$status"
	equal "what is listed" "" "$out"
	says "${@:3}"
}

dev=$(partition "$(scratch a)" 64)
spare=$(partition "$(scratch b)" 64)
cleanup dm_remove_if_there "$P-x"
interposectl -q attach --name "$P-x" "$dev" era "$spare" "$dev" 128
interposectl -q changed --mark "$P-x" >/dev/null
era=$(interposectl changed --mark "$P-x")
dd if=/dev/urandom of="$dev" bs=64k count=1 oflag=direct conv=notrunc status=none
interposectl_status 0 changed --since "$era" "$P-x"
says "64 KiB in 1 ranges"
read -r _ _ current _ <<<"$(interposer_inner_status x)"
for since in $((current + 1)) 4711 4294967296 18446744073709551615; do
	refused 4 "$since" "$P-x is in era $current" "era $since has not begun yet" "full backup needed"
done
for since in 0 -1 +1 1x 1.0 '' ' 1' 18446744073709551616; do
	refused 2 "$since" "'$since' is not an era" "usage: "
done
interposectl_status 2 changed --mark --since 1 "$P-x"
says "--mark cannot be used with --since or --format"
dmsetup message "$P-x" 0 take_metadata_snap
refused 1 1 "another command is reading the metadata" "drop_metadata_snap"
[[ $(interposer_inner_status x) != *' -' ]] || fail "the metadata snapshot of somebody else was dropped"
dmsetup message "$P-x" 0 drop_metadata_snap
interposectl -q detach "$P-x"
dd if=/dev/zero of="$spare" bs=4096 count=1 conv=fsync status=none
interposectl -q attach --name "$P-x" "$dev" era "$spare" "$dev" 128
refused 4 "$current" "has not begun yet" "full backup needed"
interposectl_status 0 detach "$P-x"
test_done
