# shellcheck shell=bash
# A control group for I/O. Source it after test.sh.

# io_group: makes it; sets $group, its directory
io_group() {
	group=/sys/fs/cgroup/$P
	cleanup remove_io_group
	echo +io >/sys/fs/cgroup/cgroup.subtree_control
	mkdir "$group"
}

# A process that has just ended keeps its group for a moment
remove_io_group() {
	[[ ! -d $group ]] || wait_until "$group is gone" 30 rmdir "$group"
	echo -io >/sys/fs/cgroup/cgroup.subtree_control
}

# dd_in_group OPERANDS…: direct I/O of 4 KiB blocks, made by a process in the group
dd_in_group() {
	(
		echo "$BASHPID" >"$group/cgroup.procs"
		exec dd bs=4k conv=notrunc status=none "$@"
	)
}
