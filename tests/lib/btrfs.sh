# shellcheck shell=bash
# Whether snapshots of the devices of a mounted btrfs, which cannot be frozen by way of them, make a file system again.
# Source it after test.sh.

# mkfs_mounted_on_two DEV DEV: data striped over both, metadata on each; prints where it is mounted
mkfs_mounted_on_two() {
	local at=$T_DIR/at
	mkfs.btrfs -q -f -d raid0 -m raid1 "$1" "$2" >&2
	mkdir "$at"
	cleanup unmount_if_there "$at"
	modprobe btrfs
	btrfs device scan "$1" "$2" >"$T_DIR/scan.log"
	mount -t btrfs "$1" "$at"
	echo "$at"
}

# files_start AT: writes and syncs one file after the other; each that is safe gets a line in $T_DIR/synced
files_start() {
	local n=0
	dd if=/dev/urandom of="$T_DIR/pattern" bs=16k count=1 status=none
	: >"$T_DIR/synced"
	cleanup touch "$T_DIR/stop"
	{
		until [[ -e $T_DIR/stop ]]; do
			n=$((n + 1))
			dd if="$T_DIR/pattern" of="$1/synced-$n" bs=16k conv=fsync status=none
			echo "$n" >>"$T_DIR/synced"
		done
	} &
	files_pid=$!
}

files_stop() {
	: >"$T_DIR/stop"
	wait "$files_pid"
}

# synced: how many files are safe
synced() {
	local lines
	mapfile -t lines <"$T_DIR/synced"
	echo "${#lines[@]}"
}

more_synced() {
	(($(synced) >= $1))
}

# files_are_there AT N: the first N are, with their content
files_are_there() {
	local n files=() sums
	for ((n = 1; n <= $2; n++)); do
		files+=("$1/synced-$n")
	done
	sums=$(sha256sum "${files[@]}" | cut -d' ' -f1 | sort -u)
	equal "content of $2 synced files" "$(sha256sum <"$T_DIR/pattern" | cut -d' ' -f1)" "$sums"
}

# snapshots_are_consistent AT DEV…: of the btrfs on these devices of 160 MiB, mounted at AT. Copies of the snapshots
# stand for it in the end, since btrfs cannot have two file systems with the same identity.
snapshots_are_consistent() {
	local at=$1 devs=("${@:2}") i n cow copy
	cow=$(partition "$(scratch c)" 200 200)
	copy=$(partition "$(scratch d)" 160 160)
	fio_verify_start load "$at" --size=16M --fdatasync=64
	files_start "$at"
	for i in "${!devs[@]}"; do
		interpose "x$i" "${devs[i]}" snapshot-origin >>"$T_DIR/nodes"
	done
	wait_until "files are safe" 60 more_synced 5
	wait_redirected x0
	n=$(synced)
	for i in "${!devs[@]}"; do
		dmsetup suspend "$P-x$i"
	done
	for i in "${!devs[@]}"; do
		dm_create "snap$i" "0 327680 snapshot $(interposer_beneath "x$i") ${cow%1}$((i + 1)) N 32" >>"$T_DIR/nodes"
	done
	for i in "${!devs[@]}"; do
		dmsetup resume "$P-x$i"
	done
	wait_until "more files are safe" 60 more_synced $((n + 10))
	for i in "${!devs[@]}"; do
		dd if="/dev/mapper/$P-snap$i" of="${copy%1}$((i + 1))" bs=4M iflag=direct oflag=direct status=none
	done
	files_stop
	fio_verify_stop load
	for i in "${!devs[@]}"; do
		dmsetup remove "$P-snap$i"
		dmsetup remove "$P-x$i"
	done
	files_are_there "$at" "$(synced)"
	umount "$at"
	fsck_clean "${devs[0]}"

	for i in "${!devs[@]}"; do
		blkdiscard -z "${devs[i]}"
	done
	btrfs device scan --forget >"$T_DIR/scan.log"
	fsck_clean "$copy"
	for i in "${!devs[@]}"; do
		btrfs device scan "${copy%1}$((i + 1))" >"$T_DIR/scan.log"
	done
	mount -t btrfs "$copy" "$at"
	files_are_there "$at" "$n"
	btrfs scrub start -B -r "$at" >"$T_DIR/scrub.log" 2>&1 || { cat "$T_DIR/scrub.log" >&2; fail "the copy has errors"; }
	note "$n files were safe, $(find "$at" -name 'synced-*' | wc -l) are in the copy, of $(synced)"
	umount "$at"
	fsck_clean "$copy"
	btrfs device scan --forget >"$T_DIR/scan.log"
}
