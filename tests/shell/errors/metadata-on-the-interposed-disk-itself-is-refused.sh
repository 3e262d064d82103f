#!/bin/bash
# timeout: 60
# Given a disk with two partitions
# When the whole disk is to be interposed with era and its metadata on one of the partitions
# Then that is refused with ELOOP; interposing one partition with the metadata on the other works
. tests/lib/test.sh
. tests/lib/refusals.sh
requires_target era

disk=$(scratch a)
dev=$(partition "$disk" 64 64)
refusals_begin
refused "a device of the inner target era is on ${disk#/dev/}" ELOOP \
	"0 $(sectors "$disk") interpose $disk era $(part "$disk" 2) $disk 128"
dd if=/dev/zero of="${dev%1}2" bs=4k count=1 oflag=direct status=none # what era has begun there
interpose x "$dev" era "${dev%1}2" "$dev" 128
equal "state" attached "$(interposer_state x)"
dmsetup remove "$P-x"
undisturbed "$dev"
test_done
