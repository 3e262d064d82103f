#!/bin/bash
# tier: full
# timeout: 300
# Given a raw partition and a mounted ext4, both under verified load
# When they are made read-only and writable again, without interposers, with them, and while they come and go
# Then the raw writer gets EPERM and the file system's writes go on, as without interposers; an interposer comes or is
#   refused with EROFS; it goes; and every block of the file system is verified
. tests/lib/test.sh
requires_target interpose

declare -A told=()
raw=$(partition "$(scratch a)" 64 128)
fs=${raw%1}2
at=$(mkfs_mounted ext4 "$fs")
table="0 $(sectors "$fs") interpose $fs linear $fs 0"
cleanup blockdev --setrw "$raw"
cleanup blockdev --setrw "$fs"
fio_verify_start fs "$at" --size=16M --fdatasync=32

# writers HOW: what becomes of those who write to the devices when these become read-only
writers() {
	fio_verify_start "raw-$1" "$raw" --size=16M
	wait_io "$raw" 50
	blockdev --setro "$raw" "$fs"
	wait_until "the raw writer has ended" 60 fio_gone "raw-$1"
	equal "error of the raw writer, $1 (EPERM)" 1 "$(fio_result "raw-$1" error)"
	! dd if=/dev/zero of="$raw" bs=4k count=1 oflag=direct conv=notrunc status=none 2>"$T_DIR/opener" ||
		fail "$raw is written"
	told[$1]=$(<"$T_DIR/opener")
	dd if="$raw" of=/dev/null bs=4k count=16 iflag=direct status=none
	wait_io "$fs" 200
	fio_verify_check fs
	blockdev --setrw "$raw" "$fs"
	dd if=/dev/zero of="$raw" bs=4k count=1 oflag=direct conv=notrunc status=none
}

writers plain
interpose x "$raw"
interpose y "$fs"
writers interposed
equal "what a new writer is told" "${told[plain]}" "${told[interposed]}"
wait_redirected y
dmsetup remove "$P-x"
dmsetup remove "$P-y"

# it comes and goes while the device is read-only, and becomes so while it is there
for option in --readonly ''; do
	blockdev --setro "$fs"
	expect_error "${fs#/dev/} is read-only" EROFS -- dmsetup create "$P-x" --table "$table"
	[[ $option ]] || blockdev --setrw "$fs"
	dmsetup create "$P-x" --table "$table" $option
	wait_redirected x 50
	blockdev --setrw "$fs"
	wait_redirected x 50
	blockdev --setro "$fs"
	wait_redirected x 50
	dmsetup remove "$P-x"
	wait_io "$fs" 50
	blockdev --setrw "$fs"
done

# at any moment
toggle() {
	local n=0
	until [[ -e $T_DIR/stop ]]; do
		blockdev --setro "$fs"
		blockdev --setrw "$fs"
		n=$((n + 1))
	done
	echo "$n" >"$T_DIR/toggled"
}

toggle &
toggler=$!
came=0 refused=0
for ((i = 0; i < 12; i++)); do
	if dmsetup create "$P-x" --table "$table" 2>"$T_DIR/said"; then
		came=$((came + 1))
		wait_redirected x 10
		dmsetup remove "$P-x"
	else
		[[ $(<"$T_DIR/said") == *"$(errno_text EROFS)"* ]] || fail "refused with something else: $(<"$T_DIR/said")"
		refused=$((refused + 1))
	fi
done
: >"$T_DIR/stop"
wait "$toggler"
note "beside $(<"$T_DIR/toggled") changes it came $came times and was refused $refused times"
(($(<"$T_DIR/toggled") > 0 && came + refused == 12))
fio_verify_stop fs
umount "$at"
fsck_clean "$fs"
test_done
