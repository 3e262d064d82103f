#!/bin/bash
# tier: full
# timeout: 2400
# Given an XFS and a btrfs, mounted and tracked, and a raw device that is tracked, all written to while they are backed up
# When they are backed up together, once in full and ten times after that, with a backup that is killed among them, a
#   detach and an attach of all three, and at last a mount of the XFS of which nobody knows
# Then each backup is, bit for bit, the snapshots it was made of; after the first, all are increments but that of the XFS
#   after that mount, which says why
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target era snapshot
requires era_invalidate era_restore qemu-img qemu-nbd jq mkfs.btrfs

all_go() {
	local one
	for one in xfs btrfs; do unmount_if_there "$T_DIR/$one"; done
	for one in xfs btrfs raw; do
		unpin_if_there "$one"
		dm_remove_if_there "$P-$one"
		dm_remove_if_there "$P-$one-origin"
	done
}

mount_all() {
	mount "$xfs" "$T_DIR/xfs"
	mount "$btrfs" "$T_DIR/btrfs"
}

# write_some N: to all three
write_some() {
	local at
	for at in "$T_DIR"/{xfs,btrfs}; do
		head -c 1500000 /dev/urandom >"$at/file$(($1 % 4))"
		rm -f "$at/file$((($1 + 2) % 4))"
		sync -f "$at"
	done
	dd if=/dev/urandom of="$raw" bs=64k seek=$(($1 * 37 % 250)) count=3 conv=notrunc,fsync status=none
}

writes_on() {
	while [[ ! -e $T_DIR/enough ]]; do
		echo again >>"$T_DIR/xfs/log"
		echo again >>"$T_DIR/btrfs/log"
		dd if=/dev/urandom of="$raw" bs=4k seek=$((RANDOM % 4000)) count=1 conv=notrunc status=none
		sync -f "$T_DIR/xfs"
	done
}

# backup NAME: and the sums of its snapshots
backup() {
	rm -f "$T_DIR/enough"
	writes_on &
	local writer=$!
	interposectl_status 0 backup --ram --size 16M --name "$1" --to "$store" --hook-timeout 600 "$xfs" "$btrfs" "$raw" --exec-after \
		"for d in /dev/mapper/backup-*; do echo \${d##*-} \$(sha256sum <\$d); done >$T_DIR/sums.$1"
	touch "$T_DIR/enough"
	wait "$writer"
	[[ $(wc -l <"$T_DIR/sums.$1") == 3 ]] || fail "$(<"$T_DIR/sums.$1")"
}

parents() { jq -r '[.sources[] | .parent // "none"] | join(" ")' "$store/$1.json"; }

interposectl_cleans
store=$T_DIR/store
xfs=$(partition "$(scratch a)" 64 128 16)
btrfs=${xfs%1}2 raw=${xfs%1}3
meta=$(partition "$(scratch b)" 16 16 16)
mkdir "$T_DIR"/{xfs,btrfs}
mkfs.xfs -qf --unsupported "$xfs"
mkfs.btrfs -q "$btrfs"
cleanup all_go
n=1
for one in xfs btrfs raw; do
	interposectl_status 0 track on --wipe --tab "$T_DIR/tab" --name "$P-$one" --meta "${meta%1}$n" "${!one}"
	n=$((n + 1))
done
mount_all
write_some 0
backup 0
last=0
for ((i = 1; i <= 10; i++)); do
	write_some "$i"
	wanted="$last $last $last"
	case $i in
	3)
		"$INTERPOSECTL" backup --ram --size 16M --limit 50k --name killed --to "$store" "$xfs" "$btrfs" "$raw" >"$T_DIR/killed" 2>&1 &
		wait_until "it copies" 120 compgen -G "$store/killed.*.unfinished"
		kill -KILL $!
		wait $! || true
		;;
	5 | 9)
		umount "$T_DIR/xfs" "$T_DIR/btrfs"
		for one in xfs btrfs raw; do
			interposectl_status 0 unpin "$P-$one"
			interposectl_status 0 detach "$P-$one"
		done
		if ((i == 9)); then
			mount "$xfs" "$T_DIR/xfs"
			echo unknown >"$T_DIR/xfs/unknown"
			umount "$T_DIR/xfs"
			wanted="none $last $last"
		fi
		for one in xfs btrfs raw; do interposectl_status 0 start --tab "$T_DIR/tab" "$P-$one"; done
		mount_all
		write_some "$((i + 20))"
		;;
	esac
	backup "$i"
	equal "what $i is based on" "$wanted" "$(parents "$i")"
	((i != 9)) || says "full backup needed: "
	last=$i
done
umount "$T_DIR/xfs" "$T_DIR/btrfs"
fsck_clean "$xfs"
for ((i = 0; i <= 10; i++)); do
	while read -r word sum _; do
		qemu-img convert -f qcow2 -O raw "$store/$i.$word.qcow2" "$T_DIR/restored"
		equal "the sum of $word in $i" "$sum" "$(sha256sum <"$T_DIR/restored" | cut -d ' ' -f 1)"
	done <"$T_DIR/sums.$i"
done
interposectl_status 0 backup verify "$store"
for one in xfs btrfs raw; do interposectl_status 0 track off --tab "$T_DIR/tab" "$P-$one"; done
test_done
