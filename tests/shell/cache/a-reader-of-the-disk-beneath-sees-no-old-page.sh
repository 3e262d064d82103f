#!/bin/bash
# timeout: 60
# Given an interposed disk, whose disk beneath the hook was read through its page cache; and once more with a reader of
#   that who keeps it open
# When the interposed disk is written to, and somebody opens the disk beneath
# Then he reads the new data
. tests/lib/test.sh

dev=$(scratch a)
interpose x "$dev"
beneath=$(interposer_beneath x)

# written LETTER: 64 KiB of it, seen by whoever opens the disk beneath
written() {
	local found
	printf '%65536s' '' | tr ' ' "$1" >"$T_DIR/new"
	dd if="$T_DIR/new" of="$dev" bs=64k count=1 oflag=direct conv=notrunc status=none
	found=$(dd if="$beneath" bs=64k count=1 status=none | tr -d '\0' | sha256sum)
	equal "$2: what a reader sees" "$(sha256sum <"$T_DIR/new")" "$found"
}

written a "first"
written b "after another reader"
exec 5<"$beneath"
dd bs=64k count=1 of=/dev/null status=none <&5
written c "beside a reader who keeps it open"
written d "and again"
exec 5<&-
written e "after him"
dmsetup remove "$P-x"
test_done
