#!/bin/bash
# timeout: 300
# Given a raw partition whose writers are limited by their cgroup, so that their bios wait seconds for the device
# When era is attached while they wait
# Then era has counted each write that reaches the device after dmsetup create has returned
#
# A bio that is redirected, or not, before it waits for the device would arrive there unseen.
. tests/lib/test.sh
. tests/lib/seen.sh
requires_target interpose era
requires era_invalidate awk

cgroup=/sys/fs/cgroup/$P
remove_cgroup() {
	[[ ! -d $cgroup ]] || wait_until "the cgroup can be removed" 10 rmdir "$cgroup"
}

scratch b >/dev/null
dev=$(partition "$(scratch a)" 256)
echo +io >/sys/fs/cgroup/cgroup.subtree_control
cleanup remove_cgroup
mkdir "$cgroup"
echo "$(devno "$(disk a)") wiops=30" >"$cgroup/io.max"
(
	echo "$BASHPID" >"$cgroup/cgroup.procs"
	writes_start load "$dev" --iodepth=128 --direct=1
)
wait_io "$dev" 10
era_attach x "$dev"
window_open
wait_redirected x 120 # of which a quarter may be before the window
window_close
kill -INT "$(<"$T_DIR/fio-load.pid")"
fio_verify_wait load
dmsetup remove "$P-x"

seen_blocks "$T_DIR/seen"
unseen "$dev" "$T_DIR/seen" "$T_DIR"/load_lat.*.log >"$T_DIR/unseen"
mapfile -t unseen <"$T_DIR/unseen"
note "${unseen[0]} writes, $((${#unseen[@]} - 1)) not counted by era"
((${#unseen[@]} == 1)) || fail "$((${#unseen[@]} - 1)) writes slipped past, such as ${unseen[1]}"
((${unseen[0]#checked } >= 30)) || fail "only ${unseen[0]} writes: the test is too weak"
test_done
