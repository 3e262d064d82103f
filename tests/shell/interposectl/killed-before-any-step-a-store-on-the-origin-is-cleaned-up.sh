#!/bin/bash
# tier: full
# timeout: 600
# Given a mounted ext4 under load
# When interposectl is killed before each of its steps in turn, as it makes a snapshot with its COW store in a file there,
#   and as it removes it; or the machine is started anew
# Then the file system takes writes, and "recover" removes all of it, with the immutable file; and so it does with what an
#   earlier boot has left, and with nothing else
. tests/lib/test.sh
. tests/lib/interposectl.sh
. tests/lib/settled.sh
requires_target snapshot

is_ready() {
	[[ -e /run/interposectl/$P-snap && $(<"/run/interposectl/$P-snap") == *$'\nready' ]]
}

interposectl_cleans
mine_is_let_go() {
	[[ ! -e $at/mine ]] || chattr -i "$at/mine"
}

dev=$(partition "$(scratch a)" 64)
at=$(mkfs_mounted ext4 "$dev")
fio_verify_start load "$at" --size=4M
make=(snapshot --name "$P-snap" --size 8M --file "$at/cow" "$at")
for ((n = 1; ; n++)); do
	killed_at "$n" "${make[@]}" || break
	! is_ready || interposectl_status 0 snapshot --remove "$P-snap"
	interposectl_status 0 recover
	no_store_is_left "$at/cow"
done
((n > 8)) || fail "only $n steps: the test is broken"
for ((n = 1; ; n++)); do
	killed_at "$n" snapshot --remove "$P-snap" || break
	interposectl_status 0 recover
	no_store_is_left "$at/cow"
	interposectl -q "${make[@]}"
done
((n > 5)) || fail "only $n steps: the test is broken"
no_store_is_left "$at/cow"

# as after a reboot: no device and no record, but the file
: >"$at/mine"
chattr +i "$at/mine"
cleanup mine_is_let_go
interposectl -q "${make[@]}"
dmsetup remove "$P-snap"
dmsetup remove "$P-snap-cow"
dmsetup remove "interpose-${dev#/dev/}"
rm "/run/interposectl/$P-snap"
interposectl_status 0 recover
[[ -e $at/cow ]] || fail "a file of this boot is removed"
boots_anew
interposectl_status 0 recover
says "removed $at/cow, which a snapshot before the last reboot has left"
no_store_is_left "$at/cow"
[[ -e $at/mine ]] || fail "what is somebody else's is removed"
boot_id_gone
chattr -i "$at/mine"

fio_verify_stop load
umount "$at"
fsck_clean "$dev"
test_done
