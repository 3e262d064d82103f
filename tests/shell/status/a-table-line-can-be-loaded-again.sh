#!/bin/bash
# timeout: 90
# Given interposers with each of the usual inner targets
# When what "dmsetup table" shows of one is used to create it again
# Then that works, and shows the same line
. tests/lib/test.sh
requires_target flakey delay era snapshot-origin

dev=$(partition "$(scratch a)" 64)
scratch b >/dev/null
size=$(sectors "$dev") number=$(devno "$dev")
meta=$(devno "$(disk b)")
cleanup dm_remove_if_there "$P-x"

remove() {
	[[ $table != *" pin "* ]] || dmsetup message "$P-x" 0 interpose unpin
	dmsetup remove "$P-x"
}

while read -r arguments; do
	table="0 $size interpose $number $arguments"
	dmsetup create "$P-x" <<<"$table"
	shown=$(dmsetup table "$P-x")
	equal "table" "$table" "$shown"
	remove
	dmsetup create "$P-x" --table "$shown"
	equal "table of the second one" "$shown" "$(dmsetup table "$P-x")"
	remove
done <<-END
	linear $number 0
	flakey $number 0 60 0 2 error_reads error_writes
	delay $number 0 0
	era $meta $number 128
	snapshot-origin $number
	1 pin linear $number 0
END
test_done
