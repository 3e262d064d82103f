#!/bin/bash
# timeout: 120
# Given two lines that swap the halves of a device, and one that sends its second half to another disk, each with bios
#   mapped where they are (the module's parameter "direct") and without
# When blocks are written through the device, also one across the middle, and read back
# Then they are read as they were written, and lie where the lines send them, and nowhere else
. tests/lib/test.sh

direct=/sys/module/dm_interpose/parameters/direct
dev=$(partition "$(scratch a)" 32)
other=$(scratch b)
size=$(sectors "$dev")
half=$((size / 2))

# put DEV SECTOR COUNT LETTER; shows DEV SECTOR COUNT: the different bytes there
put() { head -c $(($3 * 512)) /dev/zero | tr '\0' "$4" | dd of="$1" bs="$(($3 * 512))" seek="$(($2 * 512))" oflag=direct,seek_bytes iflag=fullblock conv=notrunc status=none; }
shows() { dd if="$1" bs="$(($3 * 512))" skip="$(($2 * 512))" count=1 iflag=direct,skip_bytes status=none | fold -w1 | sort -u | tr -d '\n\0'; }

swap() {
	echo "$1" >"$direct"
	dm_create x "0 $half interpose $dev linear $dev $half
$half $half interpose $dev linear $dev 0" >/dev/null
	put "$dev" 0 8 "$2"
	put "$dev" $((half - 8)) 16 "$3"
	equal "what was written first, direct $1" "$2" "$(shows "$dev" 0 8)"
	equal "what was written across the middle, direct $1" "$3" "$(shows "$dev" $((half - 8)) 16)"
	dmsetup remove "$P-x"
	equal "the first block is in the second half, direct $1" "$2" "$(shows "$dev" "$half" 8)"
	equal "the end of the first half is at the end, direct $1" "$3" "$(shows "$dev" $((size - 8)) 8)"
	equal "the begin of the second half is at the begin, direct $1" "$3" "$(shows "$dev" 0 8)"
}

elsewhere() {
	echo "$1" >"$direct"
	dm_create x "0 $half interpose $dev linear $dev 0
$half $half interpose $dev linear $other 0" >/dev/null
	put "$dev" $((half - 8)) 16 "$2"
	equal "what was written across the middle, direct $1" "$2" "$(shows "$dev" $((half - 8)) 16)"
	dmsetup remove "$P-x"
	equal "the first part is on the device, direct $1" "$2" "$(shows "$dev" $((half - 8)) 8)"
	equal "the second part is on the other disk, direct $1" "$2" "$(shows "$other" 0 8)"
	not grep -q "$2" <<<"$(shows "$dev" "$half" 8)"
}

modprobe dm-interpose
was=$(<"$direct")
cleanup eval "echo $was >$direct"
swap N a b
swap Y c d
elsewhere N e
elsewhere Y f
test_done
