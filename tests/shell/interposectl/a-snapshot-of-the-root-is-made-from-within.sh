#!/bin/bash
# tier: full
# timeout: 400
# Given a file system that is the root of a process, with interposectl and its libraries on it, under load, and a page
#   cache that is dropped all the time
# When that process runs interposectl for a snapshot of that file system, prints its steps to a file there, and is
#   killed in the middle of another one
# Then the snapshot is made, and after the kill the file system goes on
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot

binds_unmounted() {
	local dir
	for dir in dev proc sys run; do
		! mountpoint -q "$at/$dir" || umount -R "$at/$dir"
	done
}

root_made() {
	local dir paths
	mapfile -t paths < <(ldd "$PLAIN" | grep -o '/[^ :]*' | sort -u)
	cp --parents -L "${paths[@]}" "$at"
	cp "$PLAIN" "$PLAIN-killed" "$at"
	cleanup binds_unmounted
	for dir in dev proc sys run; do
		mkdir "$at/$dir"
		mount --bind "/$dir" "$at/$dir"
	done
}

# What is not in use is not in memory
drop_caches() {
	until [[ -e $T_DIR/enough ]]; do
		echo 3 >/proc/sys/vm/drop_caches
		pause 0.1
	done
}

# within SECONDS COMMAND…: below that root
within() {
	be_patient
	timeout -s KILL $(($1 * patience)) chroot "$at" "${@:2}" >"$at/log" 2>&1
}

interposectl_cleans
dev=$(partition "$(scratch a)" 128)
at=$(mkfs_mounted ext4 "$dev")
root_made
fio_verify_start load "$at" --size=4M
cleanup touch "$T_DIR/enough"
drop_caches &
dropping=$!
make=(snapshot --name "$P-snap" --size 32M --ram "$dev")
within 200 /interposectl --verbose "${make[@]}" || fail "$(<"$at/log")"
grep -q "^dmsetup suspend interpose-${dev##*/}" "$at/log" || fail "it has not been suspended: $(<"$at/log")"
within 200 /interposectl snapshot --remove "$P-snap" || fail "$(<"$at/log")"
for n in 11 12; do # suspended, and with the snapshot made
	status=0
	KILL_AT=$n within 200 /interposectl-killed "${make[@]}" || status=$?
	note "killed before step $n: status $status"
	in_time 60 dd if=/dev/zero of="$at/written" bs=4k count=1 conv=fsync status=none || fail "no write is taken"
	within 200 /interposectl recover || fail "$(<"$at/log")"
	equal "mapped devices" "" "$(dmsetup ls | grep -v '^No devices found' || true)"
done
touch "$T_DIR/enough"
wait "$dropping"
fio_verify_stop load
binds_unmounted
umount "$at"
fsck_clean "$dev"
test_done
