#!/bin/bash
# timeout: 180
# Given a disk, and a second one with other data as a leg that is to become its copy
# When the disk is interposed with raid1: with empty metadata devices, or with "rebuild 1" and without any
# Then its users see its own data, before and after the second leg is in sync, and then that holds the same
# When there is neither, as the document warns
# Then it says that all is in sync, though the second leg, which it may read, still holds the other data
. tests/lib/test.sh
. tests/lib/interposer.sh
requires_target raid

disk=$(partition "$(scratch a)" 64)
leg=$(partition "$(scratch b)" 64)
size=$(sectors "$disk")
meta=$(scratch c)
meta1=$(linear_create meta1 "$meta" 0 16384)
meta2=$(linear_create meta2 "$meta" 16384 16384)
random_fill "$disk" 64
sum=$(device_sum "$disk")

in_sync() {
	[[ $(interposer_inner_status x) == "raid1 2 AA $size/$size idle "* ]]
}

# copies WHAT ARGUMENTS…: the second leg, which holds something else
copies() {
	local what=$1
	shift
	random_fill "$leg" 64
	interpose x "$disk" "$@" >/dev/null
	equal "$what: data at once" "$sum" "$(device_sum "$disk")"
	wait_until "$what: in sync" 100 in_sync
	equal "$what: data in sync" "$sum" "$(device_sum "$disk")"
	equal "$what: the second leg" "$sum" "$(device_sum "$leg")"
	dmsetup remove "$P-x"
}

copies "empty metadata" raid raid1 3 0 region_size 128 2 "$meta1" "$disk" "$meta2" "$leg"
copies "rebuild" raid raid1 3 0 rebuild 1 2 - "$disk" - "$leg"

random_fill "$leg" 64
interpose x "$disk" raid raid1 1 0 2 - "$disk" - "$leg" >/dev/null
in_sync || fail "not in sync at once: the document is wrong"
[[ $(device_sum "$leg") != "$sum" ]] || fail "the second leg has been copied: the document is wrong"
dmsetup remove "$P-x"
test_done
