#!/bin/bash
# tier: full
# timeout: 240
# Given a partition with an ext4
# When it is mounted, written to and unmounted over and over, while interposers come and go
# Then every one of these succeeds, and the file system is clean
. tests/lib/test.sh
. tests/lib/cycles.sh
requires_target interpose

references_note
disk=$(scratch a)
dev=$(partition "$disk" 64)
at=$(mkfs_mounted ext4 "$dev")
umount "$at"
table="0 $(sectors "$dev") interpose $dev linear $dev 0"
cleanup dm_remove_if_there "$P-x"
stop() {
	[[ -e $T_DIR/stop ]]
}
cleanup touch "$T_DIR/stop"
{
	n=0
	until stop; do
		dmsetup create "$P-x" --table "$table"
		dmsetup remove "$P-x"
		n=$((n + 1))
	done
	echo "$n" >"$T_DIR/attached"
} &
attaching=$!
for ((i = 0; i < 25; i++)); do
	mount -t ext4 "$dev" "$at"
	echo "$i" >>"$at/file"
	umount "$at"
done
: >"$T_DIR/stop"
wait "$attaching"
n=$(<"$T_DIR/attached")
note "25 mounts beside $n attaches"
((n >= 5)) || fail "only $n attaches"
fsck_clean "$dev"
mount -t ext4 "$dev" "$at"
equal "lines written" 25 "$(wc -l <"$at/file")"
umount "$at"
references_back "$disk"
test_done
