#!/bin/bash
# tier: full
# timeout: 600
# Given a mounted ext4 under load, and a snapshot of it with its COW store in a file there
# When interposectl is killed before each of its steps in turn, as it extends that store; or the machine is started anew
# Then the file system takes writes; "recover" removes the new file, or it is a part of the store; the snapshot does not
#   change but for that; its removal removes all files, and so does "recover" after a reboot
. tests/lib/test.sh
. tests/lib/interposectl.sh
. tests/lib/settled.sh
requires_target snapshot

interposectl_cleans
dev=$(partition "$(scratch a)" 96)
copy=$(scratch b)
at=$(mkfs_mounted ext4 "$dev")
fio_verify_start load "$at" --size=1M
interposectl_status 0 snapshot --name "$P-snap" --size 12M --file "$at/cow" "$at"
dd if="/dev/mapper/$P-snap" of="$copy" bs=1M iflag=direct oflag=direct status=none
for ((n = 1; ; n++)); do
	killed_at "$n" snapshot --extend "$P-snap" --size +1M || break
	interposectl_status 0 recover
	equal "records" "$P-snap" "$(ls /run/interposectl)"
	store_is_in_files snap "$at"/cow*
done
((n > 7)) || fail "only $n steps: the test is broken"
store_is_in_files snap "$at"/cow*
equal "blocks of the snapshot that have changed" "" "$(differs_outside snap "$copy")"

files=("$at"/cow*)
((${#files[@]} > 1)) || fail "it has not been extended: the test is broken"
dmsetup remove "$P-snap"
dmsetup remove "$P-snap-cow"
dmsetup remove "interpose-${dev#/dev/}"
rm "/run/interposectl/$P-snap"
interposectl_status 0 recover
equal "files of this boot" "${files[*]}" "$(echo "$at"/cow*)"
boots_anew
interposectl_status 0 recover
for file in "${files[@]}"; do
	says "removed $file, which a snapshot before the last reboot has left"
	no_store_is_left "$file"
done
boot_id_gone

interposectl -q snapshot --name "$P-snap" --size 8M --file "$at/cow" "$at"
interposectl -q snapshot --extend "$P-snap"
interposectl_status 0 snapshot --remove "$P-snap"
no_store_is_left "$at/cow"
no_store_is_left "$at/cow.2"

fio_verify_stop load
umount "$at"
fsck_clean "$dev"
test_done
