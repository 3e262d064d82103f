#!/bin/bash
# tier: full
# timeout: 400
# Given two control groups that verify data on one disk, of which one has a latency target that no disk keeps
# When they do so first on the disk itself, and then while it is interposed
# Then the kernel lowers the queue depth of the other one, both times and on that disk alone: the disk beneath the hook
#   has no latency of its own; and every block is verified
. tests/lib/test.sh
. tests/lib/control_group.sh

debug=/sys/module/blk_cgroup/parameters/blkcg_debug_stats
disk=$(scratch a)
number=$(devno "$disk")
before=$(partition "$disk" 64 64)

no_group() {
	[[ ! -d $1 ]] || wait_until "$1 is gone" 30 rmdir "$1"
}

# load_in GROUP NAME DEV
load_in() {
	echo "$BASHPID" >"$1/cgroup.procs"
	fio_verify_start "$2" "$3" --rate_iops=0
	echo "$BASHPID" >/sys/fs/cgroup/cgroup.procs
}

# depth: of the slow group on the disk, as far as it has been lowered
depth() {
	[[ $(<"$slow/io.stat") =~ (^|$'\n')"$number "[^$'\n']*\ depth=([0-9]+) ]] && echo "${BASH_REMATCH[2]}"
}

control_group io
slow=$group-slow
cleanup no_group "$slow"
cleanup eval "echo $(<"$debug") >$debug"
echo 1 >"$debug"
for how in raw interposed; do
	[[ $how == raw ]] || interpose x "$disk"
	mkdir "$slow"
	echo "$number target=1" >"$group/io.latency"
	load_in "$group" "fast-$how" "$before"
	load_in "$slow" "slow-$how" "${before%1}2"
	wait_until "the other group is throttled, $how" 100 depth
	note "$how: the depth is $(depth)"
	equal "devices on which it is throttled, $how" "$number" "$(awk '/ depth=[0-9]/ { print $1 }' "$slow/io.stat")"
	[[ $how == raw ]] || wait_redirected x
	echo "$number target=0" >"$group/io.latency"
	fio_verify_stop "slow-$how"
	fio_verify_stop "fast-$how"
	no_group "$slow"
done
dmsetup remove "$P-x"
test_done
