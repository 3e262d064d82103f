#!/bin/bash
# tier: full
# timeout: 300
# Given an interposer with era, one that was created for a snapshot, and a snapshot, each renamed since
# When interposectl is to create another one with the old name, and when "recover" finds a record with that name, as of a
#   command that was killed
# Then the command is refused and says why, and what was renamed is still there and at work
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target era
requires_target snapshot
requires era_invalidate

# refused NAME COMMAND…
refused() {
	local records maps
	records=$(ls /run/interposectl)
	maps=$(dmsetup ls | sort)
	interposectl_status 1 "${@:2}"
	equal "mapped devices" "$maps" "$(dmsetup ls | sort)"
	equal "records" "$records" "$(ls /run/interposectl)"
	says "was created as $1 and renamed"
}

# killed LINE: before it could write down what it had created
killed() {
	printf '%s\n' "interposectl 2" "undo $1" >/run/interposectl/killed
	local maps
	maps=$(dmsetup ls | sort)
	interposectl_status 0 recover
	equal "mapped devices" "$maps" "$(dmsetup ls | sort)"
	says "'killed' was not completed, and is undone"
}

interposectl_cleans
dev=$(partition "$(scratch a)" 64 64 64)
two=${dev%1}2 three=${dev%1}3
spare=$(partition "$(scratch b)" 64)
cleanup dm_remove_if_there "$P-old"
interposectl -q attach --name "$P-x" "$dev" era "$spare" "$dev" 128
dmsetup rename "$P-x" "$P-old"
era=$(interposectl changed --mark "$P-old")
refused "$P-x" attach --name "$P-x" "$two"
refused "$P-x" --dry-run attach --name "$P-x" "$two"
killed "interposer $P-x"
dd if=/dev/urandom of="$dev" bs=64k seek=3 count=1 oflag=direct status=none
interposectl_status 0 changed --since "$era" --format ranges "$P-old"
equal "the changes" "196608 65536" "$said"
interposectl_status 0 detach "$P-old"

interposectl -q snapshot --name "$P-s" --ram --size 8M "$dev" "$two"
map=interpose-${dev##*/} snap=$P-s-${dev##*/}
cleanup dm_remove_if_there "$P-map"
cleanup dm_remove_if_there "$P-snap"
dmsetup rename "$snap" "$P-snap"
dmsetup rename "$map" "$P-map"
sum=$(device_sum "/dev/mapper/$P-snap" 8)
refused "$snap" snapshot --name "$snap" --ram --size 8M "$three"
killed "snapshot $snap"
says "$P-snap was created as $snap and renamed"
killed "interposer $map"
dd if=/dev/urandom of="$dev" bs=1M count=4 oflag=direct status=none
equal "the snapshot" "$sum" "$(device_sum "/dev/mapper/$P-snap" 8)"
dmsetup remove "$P-snap"
refused "$map" attach --name "$map" "$three"
killed "interposer $map"
says "$P-map was created as $map and renamed"
interposectl_status 0 list -n
says "$P-map"
interposectl_status 0 snapshot --remove "$P-s"
equal "mapped devices" "" "$(dmsetup ls | grep -v '^No devices found' || true)"
equal "records" "" "$(ls /run/interposectl)"
test_done
