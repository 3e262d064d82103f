#!/bin/bash
# timeout: 60
# Given a process in a control group
# When it makes a known number of reads and writes on a disk, first raw and then interposed
# Then io.stat shows that number for the disk both times, and not twice as many
. tests/lib/test.sh

dev=$(scratch a)
cgroups=$T_DIR/cgroups
mkdir "$cgroups"
cleanup unmount_if_there "$cgroups"
mount -t cgroup2 none "$cgroups"
echo +io >"$cgroups/cgroup.subtree_control"
cleanup remove_group "$cgroups/$P"
mkdir "$cgroups/$P"
remove_group() { [[ ! -d $1 ]] || rmdir "$1"; }

# charged: reads and writes that the group has made on the disk
charged() {
	local number
	number=$(devno "$dev")
	[[ $(<"$cgroups/$P/io.stat") =~ (^|$'\n')$number\ [^$'\n']*rios=([0-9]+)\ wios=([0-9]+) ]]
	echo "${BASH_REMATCH[2]} ${BASH_REMATCH[3]}"
}

in_group() {
	(
		echo "$BASHPID" >"$cgroups/$P/cgroup.procs"
		dd if=/dev/zero of="$dev" bs=4k count=100 oflag=direct status=none
		dd if="$dev" of=/dev/null bs=4k count=50 iflag=direct status=none
	)
}

in_group
equal "charged for the raw disk" "50 100" "$(charged)"
interpose x "$dev"
in_group
equal "charged after the same on the interposed one" "100 200" "$(charged)"
dmsetup remove "$P-x"
test_done
