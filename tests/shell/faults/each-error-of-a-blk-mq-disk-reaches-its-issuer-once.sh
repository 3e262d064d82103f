#!/bin/bash
# timeout: 150
# disks: virtio-scsi (scsi_debug and NVMe disks in one guest are more than lockdep bears, see scsi_disk_create)
# Given a partition of a SCSI disk with unreadable sectors, raw, and interposed by targets that pass on, that keep, and that
#   send elsewhere what they get, with bios mapped where they are (the module's parameter "direct") and without
# When a good and an unreadable block are read
# Then the good one has its data; the other fails once, with the errno of the raw disk, and the kernel's message names the
#   disk and the sector of the raw disk; nothing stays in flight
. tests/lib/test.sh
. tests/lib/vanish.sh
requires_target interpose snapshot-origin delay

modprobe dm-interpose
direct=/sys/module/dm_interpose/parameters/direct
was=$(<"$direct")
cleanup eval "echo $was >$direct"
scsi_disk_create sector_size=512 >/dev/null
disk=$(scsi_disk)
dev=$(partition "$disk" 64)
random_fill "$dev" 1
# it cannot read ten sectors from 0x1234 on
echo 2 >/sys/bus/pseudo/drivers/scsi_debug/opts
cleanup eval 'echo 0 >/sys/bus/pseudo/drivers/scsi_debug/opts'
expects_dmesg "critical medium error, dev ${disk#/dev/}" 'Buffer I/O error' '\[sd.*\] tag#' 'Sense Key' 'Add. Sense' 'CDB:'
bad=$((0x1234 - 2048)) # on the partition
size=$(sectors "$dev")

read_at() { dd if="$dev" of="$T_DIR/got" bs=4096 count=1 skip=$(($1 * 512)) iflag=direct,skip_bytes status=none; }

# reads WHAT: sets $said, $errors
reads() {
	local before
	read_at 0
	equal "the good block, $1" "$good" "$(sha256sum <"$T_DIR/got")"
	dmesg_since_start
	before=$(grep -c "critical medium error" <<<"$log") || true
	! read_at "$bad" 2>"$T_DIR/said" || fail "the unreadable block was read, $1"
	said=$(<"$T_DIR/said")
	dmesg_since_start
	errors=$(grep "critical medium error" <<<"$log" | tail -n "+$((before + 1))" | sed 's/.*critical/critical/; s/ op .*//')
	note "$1: $said; $errors"
}

read_at 0
good=$(sha256sum <"$T_DIR/got")
reads raw
raw_said=$said raw_errors=$errors
[[ $raw_errors ]] || fail "no message of the raw disk: the test is broken"
for on in Y N; do
	echo "$on" >"$direct"
	for inner in "linear $dev 0" "snapshot-origin" "delay $dev 0 10"; do
		dm_create x "0 $size interpose $dev $inner" >/dev/null
		reads "direct $on, $inner"
		equal "what dd says, direct $on, $inner" "$raw_said" "$said"
		equal "the kernel's messages, direct $on, $inner" "$raw_errors" "$errors"
		equal "in flight" 0 "$(io_stat "$disk" in_flight)"
		dmsetup remove "$P-x"
	done
done
test_done
