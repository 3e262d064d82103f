#!/bin/bash
# timeout: 240
# Given a mounted ext4, which does not know that what is beneath it wants stable pages
# When it is interposed with integrity, in the modes that have no journal for the data, or with raid5
# Then a page that changes while it is written can be read again, as on the same target made beforehand
. tests/lib/test.sh
. tests/lib/inner.sh
requires_target integrity

pages=$(program changing-pages)
dev=$(partition "$(scratch a)" 64)

dm_create low "0 $(sectors "$dev") linear $dev 0" >/dev/null
inner_arguments integrity-D "/dev/mapper/$P-low"
classic=$(dm_create classic "0 $(sectors "$dev") ${inner/ recalculate/ recalculate}")
at=$(mkfs_mounted ext4 "$classic")
equal "stable pages of the classic device" 1 "$(<"$(sysfs_dir "$classic")/queue/stable_writes")"
"$pages" "$at/file" 200
umount "$at"
dmsetup remove "$P-classic"
dmsetup remove "$P-low"

for name in integrity-D integrity-B raid5; do
	note "$name"
	at=$(mkfs_mounted ext4 "$dev")
	inner_arguments "$name" "$dev"
	if [[ $name == raid5 ]]; then # another view of the data: what is beneath must not be mounted yet
		umount "$at"
		dm_create x "0 $(sectors "$dev") interpose $dev $inner" >/dev/null
		at=$(mkfs_mounted ext4 "$dev")
	else
		dm_create x "0 $(sectors "$dev") interpose $dev $inner" >/dev/null
	fi
	equal "stable pages of the device" 0 "$(<"$(sysfs_dir "$dev")/../queue/stable_writes")"
	"$pages" "$at/file" 200 || fail "with $name"
	umount "$at"
	dmsetup remove "$P-x"
	inner_done
done
test_done
