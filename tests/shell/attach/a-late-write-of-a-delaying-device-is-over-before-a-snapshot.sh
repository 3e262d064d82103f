#!/bin/bash
# timeout: 300
# Given a DM device that delays writes by seconds, with a write on its way and no file system
# When snapshot-origin is attached to it before they are over, and a snapshot is made then
# Then that write is in the snapshot already, or was copied out for it: its checksum does not change any more
. tests/lib/test.sh
requires_target interpose delay snapshot-origin

disk=$(scratch a)
store=$(scratch b)
random_fill "$disk" 4
size=8192
slow=$(linear_create slow "$disk" 0 "$size")
before=$(device_sum "$slow" 4)
queued() { # the write counts as in flight only when the delay is over
	[[ $(dmsetup status "$P-slow") == *" delay 0 1 0" ]]
}
written() {
	[[ -e $T_DIR/written ]]
}
write_late() {
	dd if=/dev/urandom of="$slow" bs=64k count=1 seek=3 oflag=direct status=none
	: >"$T_DIR/written"
}
queued_or_written() {
	queued || written
}
for delay in 6000 30000 150000; do # until this machine is fast enough to see it on its way
	dm_reload slow "0 $size delay $disk 0 0 $disk 0 $delay"
	rm -f "$T_DIR/written"
	write_late &
	wait_until "the write is on its way" 30 queued_or_written
	written || break
done
not written
interpose x "$slow" snapshot-origin
[[ $(dmsetup status "$P-slow") == *" delay 0 0 0" ]] || fail "attached with the write still on its way"
dmsetup suspend "$P-x"
snap=$(dm_create snap "0 $size snapshot $(interposer_beneath x) $store P 8")
dmsetup resume "$P-x"
sum=$(device_sum "$snap" 4)
wait_until "the late write is done" 200 written
pause 4
equal "checksum of the snapshot" "$sum" "$(device_sum "$snap" 4)"
[[ $(device_sum "$slow" 4) != "$before" ]] || fail "nothing was written at all"

# and a write that comes afterwards is not in the snapshot
dd if=/dev/urandom of="$slow" bs=64k count=1 seek=5 oflag=direct status=none
equal "checksum of the snapshot" "$sum" "$(device_sum "$snap" 4)"
dmsetup remove "$P-snap"
dmsetup remove "$P-x"
test_done
