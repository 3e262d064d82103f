#!/bin/bash
# timeout: 600
# Given a raw partition that two processors write to without a pause, each block once
# When era is attached and detached several times meanwhile
# Then era has counted each block that was submitted after dmsetup create had returned and before dmsetup remove
#   was called, of at least ten thousand
. tests/lib/test.sh
. tests/lib/seen.sh
requires_target interpose era
requires era_invalidate awk

scratch b >/dev/null
dev=$(partition "$(scratch a)" 256)
writes_start load "$dev" --nice=19
wait_io "$dev"
for ((i = 0; i < 4; i++)); do
	era_attach x "$dev"
	window_open
	wait_redirected x 3000
	window_close
	dmsetup remove "$P-x"
done
fio_verify_check load
kill -INT "$(<"$T_DIR/fio-load.pid")"
fio_verify_wait load

seen_blocks "$T_DIR/seen"
unseen "$dev" "$T_DIR/seen" "$T_DIR"/load_lat.*.log >"$T_DIR/unseen"
mapfile -t unseen <"$T_DIR/unseen"
note "${unseen[0]} writes, $((${#unseen[@]} - 1)) not counted by era"
((${#unseen[@]} == 1)) || fail "$((${#unseen[@]} - 1)) writes slipped past, such as ${unseen[1]}"
((${unseen[0]#checked } >= 10000)) || fail "only ${unseen[0]} writes: the test is too weak"
test_done
