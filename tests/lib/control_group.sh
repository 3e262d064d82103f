# shellcheck shell=bash
# A control group of the test. Source it after test.sh.

# control_group CONTROLLER: makes it, with io or memory; sets $group, its directory
control_group() {
	group=/sys/fs/cgroup/$P
	cleanup remove_control_group "$1"
	echo "+$1" >/sys/fs/cgroup/cgroup.subtree_control
	mkdir "$group"
}

# A process that has just ended keeps its group for a moment
remove_control_group() {
	[[ ! -d $group ]] || wait_until "$group is gone" 30 rmdir "$group"
	echo "-$1" >/sys/fs/cgroup/cgroup.subtree_control
}

# in_group COMMAND…: a process in the group, to which belongs what it makes
in_group() {
	(
		echo "$BASHPID" >"$group/cgroup.procs"
		exec "$@"
	)
}
