#!/bin/bash
# timeout: 60
# Given a process in a control group
# When it makes a known number of reads and writes on a disk, first raw and then interposed, where bios are mapped where they
#   are, and where they are redirected
# Then io.stat shows that number for the disk each time, and not twice as many
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
times=1
for direct in Y N; do
	direct_is "$direct"
	interpose x "$dev" >"$T_DIR/node"
	read_and_write
	times=$((times + 1))
	equal "charged after the same on the interposed one, direct $direct" "$((50 * times)) $((100 * times))" "$(charged)"
	dmsetup remove "$P-x"
done
test_done
