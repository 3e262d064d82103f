#!/bin/bash
# tier: full
# kcsan: yes
# timeout: 300
# Given a raw partition that two processors write to without a pause, each block once
# When its interposer is reloaded many times between era with the one and era with the other metadata, by suspend and
#   resume, by resume alone, and without flush
# Then each block that was written between the first create and the remove has been counted by the one era or the
#   other, of at least ten thousand, and both have counted
. tests/lib/test.sh
. tests/lib/seen.sh
requires_target interpose era
requires era_invalidate awk

# reload_to METADATA HOW: and until I/O has gone through it
reload_to() {
	dmsetup load "$P-x" --table "0 $size interpose $dev era $1 $dev 8"
	case $2 in
	suspended) dmsetup suspend "$P-x" ;;
	unflushed) dmsetup suspend --noflush --nolockfs "$P-x" ;;
	esac
	if [[ $2 == at-once-unflushed ]]; then
		dmsetup resume --noflush --nolockfs "$P-x"
	else
		dmsetup resume "$P-x"
	fi
	wait_redirected x 1000
}

scratch b >/dev/null
scratch c >/dev/null
dev=$(partition "$(scratch a)" 256)
size=$(sectors "$dev")
writes_start load "$dev" --nice=19
wait_io "$dev"
era_attach x "$dev"
window_open
wait_redirected x 1000
for how in suspended at-once unflushed at-once-unflushed; do
	reload_to "$(disk c)" "$how"
	reload_to "$(disk b)" "$how"
done
window_close
dmsetup remove "$P-x"
fio_verify_check load
kill -INT "$(<"$T_DIR/fio-load.pid")"
fio_verify_wait load

seen_blocks "$T_DIR/seen" "$(disk b)"
seen_blocks "$T_DIR/seen-too" "$(disk c)"
cat "$T_DIR/seen-too" >>"$T_DIR/seen"
unseen "$dev" "$T_DIR/seen" "$T_DIR"/load_lat.*.log >"$T_DIR/unseen"
mapfile -t unseen <"$T_DIR/unseen"
note "${unseen[0]} writes, $((${#unseen[@]} - 1)) counted by neither"
((${#unseen[@]} == 1)) || fail "$((${#unseen[@]} - 1)) writes slipped past, such as ${unseen[1]}"
((${unseen[0]#checked } >= 10000)) || fail "only ${unseen[0]} writes: the test is too weak"
test_done
