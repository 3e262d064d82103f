#!/bin/bash
# timeout: 60
# Given a process in a control group
# When it makes a known number of reads and writes on a disk, first raw and then interposed
# Then io.stat shows that number for the disk both times, and not twice as many
. tests/lib/test.sh
. tests/lib/control_group.sh

dev=$(scratch a)
control_group io

# charged: reads and writes that the group has made on the disk
charged() {
	local number
	number=$(devno "$dev")
	[[ $(<"$group/io.stat") =~ (^|$'\n')$number\ [^$'\n']*rios=([0-9]+)\ wios=([0-9]+) ]]
	echo "${BASH_REMATCH[2]} ${BASH_REMATCH[3]}"
}

read_and_write() {
	in_group dd bs=4k conv=notrunc status=none if=/dev/zero of="$dev" count=100 oflag=direct
	in_group dd bs=4k conv=notrunc status=none if="$dev" of=/dev/null count=50 iflag=direct
}

read_and_write
equal "charged for the raw disk" "50 100" "$(charged)"
interpose x "$dev"
read_and_write
equal "charged after the same on the interposed one" "100 200" "$(charged)"
dmsetup remove "$P-x"
test_done
