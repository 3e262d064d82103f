#!/bin/bash
# tier: full
# timeout: 300
# Given a partition under verified load
# When it is interposed by a table of 4096 lines, which is replaced by another such table and then removed
# Then I/O goes through all of it, none fails, and every block is verified
. tests/lib/test.sh
requires_target flakey

lines=4096
dev=$(partition "$(scratch a)" 64)
size=$(sectors "$dev")

# table INNER: lines with this inner target, each with its own part of the device
table() {
	awk -v n=$lines -v size="$size" -v dev="$dev" -v inner="$1" 'BEGIN {
		for (i = 0; i < n; i++)
			print i * size / n, size / n, "interpose", dev, inner, dev, i * size / n, inner == "flakey" ? "3600 0" : ""
	}'
}

fio_verify_start load "$dev"
dm_create x "$(table linear)" >"$T_DIR/node"
wait_io "$dev"
equal "lines attached" $lines "$(dmsetup status "$P-x" | grep -c ' interpose attached ')"
dm_reload x "$(table flakey)"
wait_io "$dev"
equal "lines with the second inner target" $lines "$(dmsetup table "$P-x" | grep -c ' flakey ')"
dmsetup remove "$P-x"
fio_verify_stop load
test_done
