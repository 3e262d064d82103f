#!/bin/bash
# timeout: 300
# Given a disk that is tracked, and two points of it, with writes after each
# When the changes are asked for since each of them, and since a point of another series, of the future, of none, and in
#   capitals; when the metadata are cleared, and when the device is attached with dmsetup, without a look at it
# Then the first two are answered, and all that is not known ends with status 4, lists nothing, and says that a full backup
#   is needed, and why
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target era
requires era_invalidate era_restore

write_at() {
	dd if=/dev/urandom of="$dev" bs=64k seek="$1" count=1 oflag=direct conv=notrunc status=none
}

# refused POINT TEXT…: nothing is printed but complaints
refused() {
	local out status=0
	out=$(interposectl changed --since "$1" "$P-x" 2>"$T_DIR/said") || status=$?
	said=$(<"$T_DIR/said")
	note "$said"
	equal "status of --since '$1'" 4 "$status"
	equal "what is listed" "" "$out"
	says "full backup needed" "${@:2}"
}

dev=$(partition "$(scratch a)" 64)
spare=$(partition "$(scratch b)" 64)
cleanup dm_remove_if_there "$P-x"
cleanup unpin_if_there x
interposectl -q track on --tab "$T_DIR/tab" --name "$P-x" --meta "$spare" "$dev"
first=$(interposectl changed --mark "$P-x")
[[ $first =~ ^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9]+$ ]] || fail "'$first' is no point"
write_at 3
second=$(interposectl changed --mark "$P-x")
write_at 9
equal "since the first point" "196608 65536 589824 65536" \
	"$(interposectl changed --since "$first" --format ranges "$P-x" | xargs)"
interposectl_status 0 changed --since "${second^^}" --format json "$P-x"
next=$(python3 -c 'import json, sys; r = json.load(sys.stdin); assert [x["start"] for x in r["ranges"]] == [589824], r; print(r["next"])' <<<"$said")
equal "since the point after the list" "" "$(interposectl changed --since "$next" --format ranges "$P-x")"
uuid=${first%:*}
refused "${uuid%?}$(((16#${uuid: -1} + 1) % 10)):1" "belongs to another series"
refused "$uuid:4711" "era 4711 has not begun yet"
refused "$uuid:18446744073709551615" "has not begun yet"
refused "${first#*:}" "does not name a series"
interposectl_status 2 changed --since "$uuid:0" "$P-x"
interposectl_status 1 attach "$dev" era "$spare" "$dev" 128
table=$(dmsetup table "$P-x")
interposectl -q unpin "$P-x"
dmsetup remove "$P-x"
dmsetup create "$P-x" --table "$table"
refused "$second" "was not attached by interposectl"
interposectl_status 4 changed --mark "$P-x"
interposectl -q unpin "$P-x"
interposectl -q detach "$P-x"
dd if=/dev/zero of="$spare" bs=4096 count=1 conv=fsync status=none
interposectl -q attach --name "$P-x" "$dev" era "$spare" "$dev" 128
for ((i = 0; i < 6; i++)); do
	dmsetup message "$P-x" 0 checkpoint
done
refused "$second" "its metadata have no series"
interposectl_status 0 detach "$P-x"
test_done
