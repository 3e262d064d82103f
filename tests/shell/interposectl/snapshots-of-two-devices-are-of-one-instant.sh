#!/bin/bash
# tier: full
# timeout: 300
# Given two mounted ext4, and a writer that syncs each number on the first before it writes it on the second
# When interposectl makes snapshots of both in one command
# Then both are suspended before the first snapshot is made, and until the last one is; the second has no number that
#   the first has not, and the first is ahead by one at most; they are removed together, and not one alone
. tests/lib/test.sh
. tests/lib/numbers.sh
. tests/lib/interposectl.sh
requires_target snapshot

interposectl_cleans
dev=$(partition "$(scratch a)" 64 64)
two=${dev%1}2
at=$(mkfs_mounted ext4 "$dev") two_at=$(mkfs_mounted ext4 "$two")
numbers_start "$at" "$two_at"
numbers_get_on
interposectl_status 0 --verbose snapshot --name "$P-both" --ram --size 16M "$at" "$two"
mapfile -t steps < <(sed -nE 's/^dmsetup ([a-z]+) .*/\1/p' <<<"$said")
equal "the steps" "create create suspend suspend create create resume resume" "${steps[*]}"
numbers_get_on
interposectl_status 0 list --tree -o NAME,STATE
says "$P-both-${dev##*/}" "$P-both-${two##*/}"
numbers_belong_together "/dev/mapper/$P-both-${dev##*/}" "/dev/mapper/$P-both-${two##*/}"
interposectl_status 1 snapshot --remove "$P-both-${dev##*/}"
says "snapshot --remove $P-both"
interposectl_status 0 snapshot --remove "$P-both"
numbers_stop
umount "$at" "$two_at"
fsck_clean "$dev"
fsck_clean "$two"
test_done
