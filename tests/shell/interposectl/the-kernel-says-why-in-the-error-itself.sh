#!/bin/bash
# tier: full
# timeout: 300
# Given a partition, and metadata devices that hold something else, or that of an era with other blocks
# When it is attached with an unknown target, with wrong arguments, too far on, or with such metadata, while somebody
#   else's loads fail all the time
# Then each error has the kernel's own reason, and nobody else's; of stale metadata it says what it is and how to clear
#   it, and what it says helps; without /dev/kmsg it names the kernel log
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target era cache snapshot

others_end() {
	[[ ! -e /proc/$others ]] || kill "$others"
} 2>/dev/null

# refused TEXT… -- INNER…: with that in what it says
refused() {
	local texts=()
	for (( ; $# > 0; )); do
		[[ $1 != -- ]] || break
		texts+=("$1")
		shift
	done
	interposectl_status 1 attach --name "$P-x" "$dev" "${@:2}"
	says "${texts[@]}"
	[[ $said != *"multibyte"* ]] || fail "that is no reason: $said"
	[[ $said != *zzz* && $said != *striped* ]] || fail "that is somebody else's: $said"
	not dm_exists "$P-x"
}

dev=$(partition "$(scratch a)" 64)
spare=$(partition "$(scratch b)" 64 64)
dmsetup create "$P-other" --notable
cleanup dm_remove_if_there "$P-other"
while :; do
	dmsetup reload "$P-other" --table '0 8 zzz-nosuch 1' || true
	dmsetup reload "$P-other" --table '0 8 striped 0 zzz' || true
done >/dev/null 2>&1 &
others=$!
cleanup others_end

refused "the kernel says:" 'no target type frob; see "dmsetup targets"' -- frob
refused "too small for target: start=999999999" -- linear "$dev" 999999999
refused "the inner target era refuses its arguments: Invalid block size" -- era "$spare" "$dev" 7
refused "Too few mirror arguments" -- mirror core 1 1024 2 "$dev" 0
refused "Couldn't create exception store" -- snapshot "$dev" "${spare%1}2" P 7
others_end
wait "$others" || true

for what in urandom zero; do # another place, and another magic number
	dd if="/dev/$what" of="$spare" bs=4096 count=1 conv=fsync status=none
	[[ $what != zero ]] || printf 'x' | dd of="$spare" bs=1 seek=100 conv=notrunc,fsync status=none
	for type in era cache; do
		inner=(era "$spare" "$dev" 128)
		[[ $type == era ]] || inner=(cache "$spare" "${spare%1}2" "$dev" 128 0 default 0)
		refused "$spare does not hold metadata of $type" "dd if=/dev/zero of=$spare bs=4096 count=1 conv=fsync" \
			"${type}_check" -- "${inner[@]}"
	done
done
eval "$(grep '^ *dd ' <<<"$said")" 2>/dev/null
interposectl -q attach --name "$P-x" "$dev" era "$spare" "$dev" 128
cleanup dm_remove_if_there "$P-x"
interposectl -q detach "$P-x"
mounted=$(scratch c)
at=$(mkfs_mounted ext4 "$mounted")
refused "in use (Device or resource busy)" "the kernel says:" -- linear "$mounted" 0
umount "$at"
refused "changing the data block size (from 128 to 256) is not supported" -- era "$spare" "$dev" 256

mount --bind /dev/null /dev/kmsg # what is read from there is nothing
interposectl_status 1 attach --name "$P-x" "$dev" frob
umount /dev/kmsg
says "cannot create $P-x: Invalid argument"
test_done
