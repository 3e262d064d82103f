#!/bin/bash
# tier: full
# timeout: 3600
# kernel: plain
# vm: --cpus 1 --qemu -icount --qemu shift=0,sleep=off
# Given 257 disks, and a machine in which the time stamp counter counts instructions
# When 1 of them is interposed, and then 256
# Then an I/O beside them and one of another interposed device take at most 1.02 times as many instructions as with 1,
#   an attach at most 1.02 times as long, and each interposed device takes less than twice the memory of a mapped one
. tests/lib/test.sh
requires_target interpose

bench/growth "$(program load)" "$(program switch)" 1 256 >"$T_DIR/out"

# found KIND COUNT WHAT UNIT
found() {
	local value
	value=$(sed -n "s/^$1 $2 $3 $4 \([0-9]*\).*/\1/p" "$T_DIR/out")
	[[ $value ]] || fail "$* was not measured"
	echo "$value"
}

# flat WHAT LEAST ONE MANY: what was measured is at least so much, and grows by 2 % at most
flat() {
	note "$1: $3 with one device, $4 with 256"
	(($3 >= $2)) || fail "$1: $3 are too few: nothing was measured"
	(($4 * 100 <= $3 * 102)) || fail "$1: $4 with 256 devices, more than 1.02 times $3"
}

for what in beside:read beside:write interposed:read interposed:write; do
	flat "$what" 2000 "$(found interposed 1 "$what" instructions)" "$(found interposed 256 "$what" instructions)"
done

# attach COUNT: from the command that makes the device to the end of the one that attaches it
attach() {
	local step sum=0
	for step in create load resume; do
		sum=$((sum + $(found interposed "$1" "$step" nanoseconds)))
	done
	echo "$sum"
}
flat "attach, nanoseconds" 100000 "$(attach 1)" "$(attach 256)"

classic=$(found classic 256 memory bytes) interposed=$(found interposed 256 memory bytes)
note "memory: $interposed bytes a device, of an ordinary mapped device $classic"
((classic > 4096)) || fail "$classic bytes are too few for a mapped device: nothing was measured"
((interposed < 2 * classic)) || fail "an interposed device takes $interposed bytes, a mapped one $classic"
test_done
