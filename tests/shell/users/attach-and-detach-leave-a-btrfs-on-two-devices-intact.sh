#!/bin/bash
# tier: full
# timeout: 300
# Given a mounted btrfs with its data and metadata on two devices, under a verified load that syncs
# When interposers on both come and go, one by one and together
# Then I/O goes through each, none fails, every block is verified, neither device counts an error, and btrfs check
#   finds nothing
. tests/lib/test.sh
. tests/lib/cycles.sh
. tests/lib/btrfs.sh
requires_target interpose delay snapshot

references_note
one=$(partition "$(scratch c)" 160) two=$(partition "$(scratch d)" 160)
scratch b >/dev/null
at=$(mkfs_mounted_on_two "$one" "$two")
fio_verify_start load "$at" --size=24M --fdatasync=32
cycles 1 "$one" linear
cycles 1 "$two" delay
for _ in 1 2; do
	interpose x "$one" delay "$one" 0 5
	interpose y "$two"
	wait_redirected x 50
	wait_redirected y 50
	dmsetup suspend "$P-x"
	dmsetup suspend "$P-y"
	dmsetup resume "$P-x"
	dmsetup resume "$P-y"
	wait_redirected y 50
	dmsetup remove "$P-x"
	dmsetup remove "$P-y"
done
fio_verify_stop load
btrfs device stats --check "$at" >"$T_DIR/stats.log" || { cat "$T_DIR/stats.log" >&2; fail "a device has had errors"; }
umount "$at"
fsck_clean "$one"
btrfs device scan --forget >"$T_DIR/scan.log"
references_back "$(disk c)" "$(disk d)"
test_done
