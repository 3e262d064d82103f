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
# attached N: so often it came and went
attached() {
	local lines
	mapfile -t lines <"$T_DIR/attached"
	((${#lines[@]} >= $1))
}

stop() {
	[[ -e $T_DIR/stop ]]
}
cleanup touch "$T_DIR/stop"
: >"$T_DIR/attached"
{
	until stop; do
		dmsetup create "$P-x" --table "$table"
		dmsetup remove "$P-x"
		echo "attached" >>"$T_DIR/attached"
	done
} &
attaching=$!
i=0
until ((i >= 25)) && { attached 5 || ! kill -0 "$attaching"; }; do
	i=$((i + 1))
	mount -t ext4 "$dev" "$at"
	echo "$i" >>"$at/file"
	umount "$at"
done
: >"$T_DIR/stop"
wait "$attaching"
note "$i mounts beside $(wc -l <"$T_DIR/attached") attaches"
fsck_clean "$dev"
mount -t ext4 "$dev" "$at"
equal "lines written" "$i" "$(wc -l <"$at/file")"
umount "$at"
references_back "$disk"
test_done
