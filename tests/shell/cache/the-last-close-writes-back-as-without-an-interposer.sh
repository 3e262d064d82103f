#!/bin/bash
# timeout: 120
# Given a disk and a partition, with nothing interposed (the control), and with it, its disk or its partition interposed
# When data is written through its page cache, without a sync, and its last user closes it; when it was read while a
#   mapped device on it was open, which then wrote to it and was removed; when a user has changed its block size
# Then the data is on the disk; the next reader sees what the mapped device wrote, with the usual block size
. tests/lib/test.sh

disk=$(scratch a)
part=$(partition "$disk" 64)
other=$(scratch b)

# pattern LETTER: a block of it
pattern() {
	printf '%4096s' '' | tr ' ' "$1"
}

# holds DEV BLOCK [dd options]: the letter that fills this block of 4 KiB
holds() {
	local block
	block=$(dd if="$1" bs=4k skip="$2" count=1 status=none "${@:3}" | tr -d '\0')
	[[ ${#block} == 4096 && ! ${block//${block:0:1}/} ]] || fail "block $2 of $1 has parts of two patterns"
	echo "${block:0:1}"
}

# as_it_should_be WHEN DEV BENEATH BLOCK: BENEATH shows the same, at BLOCK, past each page cache that is used here
as_it_should_be() {
	local when=$1 dev=$2 beneath=$3 block=$4 size letter upper
	for letter in a b; do
		pattern $letter | dd of="$dev" bs=4k seek=8 conv=notrunc iflag=fullblock status=none
		equal "$when: on the disk after a close" $letter "$(holds "$beneath" "$block" iflag=direct)"
		equal "$when: for a reader" $letter "$(holds "$dev" 8)"
	done

	upper=$(linear_create upper "$dev")
	equal "$when: read beside a mapped device" b "$(holds "$dev" 8)"
	pattern c | dd of="$upper" bs=4k seek=8 conv=notrunc oflag=direct iflag=fullblock status=none
	dmsetup remove "$upper"
	equal "$when: when the mapped device is gone" c "$(holds "$dev" 8)"

	size=$(blockdev --getbsz "$dev")
	blockdev --setbsz 1024 "$dev"
	equal "$when: block size for the next user" "$size" "$(blockdev --getbsz "$dev")"
}

as_it_should_be "nothing interposed, the disk" "$other" "$other" 8
as_it_should_be "nothing interposed, the partition" "$part" "$disk" 264

interpose x "$other"
as_it_should_be "the disk" "$other" "$(interposer_beneath x)" 8
dmsetup remove "$P-x"

interpose x "$part"
as_it_should_be "the partition" "$part" "$(interposer_beneath x)" 8
as_it_should_be "a disk of which a partition is interposed" "$disk" "$disk" 8
dmsetup remove "$P-x"

interpose x "$disk"
as_it_should_be "an interposed disk with a partition" "$disk" "$(interposer_beneath x)" 8
as_it_should_be "a partition of an interposed disk" "$part" "$(interposer_beneath x)" 264
dmsetup remove "$P-x"
test_done
