#!/bin/bash
# timeout: 240
# Given a mounted ext4 under a verified load, and a snapshot with a COW store of 4 MiB in a file there
# When more than that is overwritten, and interposectl monitor looks at it; and when there is less room than is asked for
# Then the snapshot is invalid, which is said, and no block outside of the file has been harmed; the removal leaves
#   nothing; no file is made for which there is no room, and without a size it is half of what is free
. tests/lib/test.sh
. tests/lib/interposectl.sh
. tests/lib/settled.sh
requires_target snapshot

interposectl_cleans
dev=$(partition "$(scratch a)" 96)
at=$(mkfs_mounted ext4 "$dev")
fragmented "$at"
for one in "$at"/fill.?; do
	dd if=/dev/urandom of="$one" bs=512k count=1 conv=notrunc status=none
done
kept=$(cat "$at"/fill.? | sha256sum)
dd if=/dev/urandom of="$at/data" bs=1M count=8 conv=fsync status=none
fio_verify_start load "$at" --size=2M
interposectl_status 0 snapshot --name "$P-snap" --size 4M --file "$at/cow" "$at"
dd if=/dev/urandom of="$at/data" bs=1M count=8 conv=notrunc,fsync status=none
sum=$(sha256sum <"$at/data")
interposectl_status 0 snapshot --list
[[ $said == *" overflow "* || $said == *" invalid "* ]] || fail "it is not said that it is lost"
interposectl_status 0 monitor --once
says "snapshot $P-snap ran full and is invalid: removing it"
interposectl_status 0 snapshot --remove "$P-snap"
no_store_is_left "$at/cow"

snapshot_refused "there is no room for a COW store of 1024 MiB" --size 1G --file "$at/cow" "$at"
fallocate -l $(($(stat -fc '%a * %S' "$at") - 12 * 1024 * 1024)) "$at/much"
interposectl_status 0 snapshot --name "$P-snap" --file "$at/cow" "$at"
says "half of what is free in $at, and less than 20% of the device"
interposectl_status 0 snapshot --remove "$P-snap"
no_store_is_left "$at/cow"
rm "$at/much"

fio_verify_stop load
echo 3 >/proc/sys/vm/drop_caches
equal "the file that was overwritten" "$sum" "$(sha256sum <"$at/data")"
equal "all other files" "$kept" "$(cat "$at"/fill.? | sha256sum)"
umount "$at"
fsck_clean "$dev"
test_done
