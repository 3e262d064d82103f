#!/bin/bash
# tier: full
# timeout: 240
# Given a mounted ext4 under verified load, with a second leg that is in sync and to which it is to move
# When the second leg's disk fails, and the move is called off while suspended, as the document says
# Then the status says so, no I/O fails, and the file system is right on the first leg
. tests/lib/test.sh
. tests/lib/recipe.sh
. tests/lib/mirrored.sh
requires_target mirror

legs_are() {
	[[ $(interposer_inner_status x) =~ \ ([0-9]+)/([0-9]+)\ 1\ $1\  &&
		($1 != AA || ${BASH_REMATCH[1]} == "${BASH_REMATCH[2]}") ]]
}

mirrored_begin ext4
second=$(linear_create second "$spare")
size=$(sectors "$dev")
interpose x "$dev" mirror core 1 128 2 "$dev" 0 "$second" 0 >/dev/null
wait_until "the legs are in sync" 100 legs_are AA
dm_reload second "0 $size error"
wait_until "the second leg is seen to fail" 60 legs_are AD
dmsetup load "$P-x" <<<"0 $size interpose $dev 1 pin linear $second 0"
dmsetup suspend "$P-x"
legs_are AD || fail "status while suspended: $(interposer_inner_status x)"
dmsetup clear "$P-x"
dmsetup resume "$P-x"
equal "inner target" mirror "$(interposer_inner_type x)"
wait_redirected x
dmsetup remove "$P-x"
fio_verify_stop load
equal "a file" "$(sha256sum <"$T_DIR/kept")" "$(dd if="$at/kept" bs=1M iflag=direct status=none | sha256sum)"
umount "$at"
fsck_clean "$dev"
test_done
