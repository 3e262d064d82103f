# shellcheck shell=bash
# What a test may leave behind in the guest: nothing. A snapshot is a sorted list of "kind thing" lines;
# whatever appears, vanishes or changes between two snapshots is a leak.

# Modules may stay loaded, but nobody may still be using them: only counts above zero are listed. Other modules that
# were linked to one hold one reference each.
snapshot_modules() {
	local file module count holder
	for file in /sys/module/{dm_*,null_blk,loop,scsi_debug,brd}/refcnt; do
		[[ -r $file ]] || continue
		count=$(<"$file")
		for holder in "${file%refcnt}"holders/*; do
			[[ ! -e $holder ]] || count=$((count - 1))
		done
		module=${file#/sys/module/}
		((count == 0)) || echo "module-in-use ${module%/refcnt} $count"
	done
}

# A loop device keeps its /dev/loopN when it is let go; only a bound one is somebody's.
snapshot_disks() {
	local dir name
	for dir in /sys/block/*; do
		name=${dir##*/}
		case $name in
		loop*) [[ ! -e $dir/loop/backing_file ]] || echo "loop $name $(<"$dir/loop/backing_file")" ;;
		*) echo "disk $name" ;;
		esac
	done
	for dir in /sys/kernel/config/nullb/*/; do
		[[ ! -d $dir ]] || echo "null_blk $dir"
	done
}

snapshot_dm() {
	local name
	for name in /sys/block/dm-*/dm/name; do
		[[ ! -r $name ]] || echo "dm $(<"$name")"
	done
}

# Neither the kernel's threads (children of pid 2), nor udevd's workers, nor ourselves and what we are running:
# what a dead test has left running has become a child of init. Only shell builtins: under emulation a process
# costs as much as all the rest.
snapshot_processes() {
	local file stat pid name p parent=() names=()
	for file in /proc/[0-9]*/stat; do
		read -r stat 2>/dev/null <"$file" || continue
		pid=${stat%% *}
		name=${stat#*(}
		names[pid]=${name%)*}
		stat=${stat##*) }
		stat=${stat#* }
		parent[pid]=${stat%% *}
	done 2>/dev/null
	for pid in "${!names[@]}"; do
		p=$pid
		while ((p > 2 && p != $$)); do
			p=${parent[p]:-0}
		done
		[[ $p == 2 || $p == "$$" || ${names[pid]} == *udev* ]] || echo "process $pid ${names[pid]}"
	done
}

snapshot_mounts() {
	local at
	while read -r _ _ _ _ at _; do
		echo "mount $at"
	done </proc/self/mountinfo
}

# lockdep that has given up checks nothing any more, and every later test would pass unchecked
snapshot_lockdep() {
	local name value
	[[ ! -r /proc/lockdep_stats ]] || while read -r name value; do
		[[ $name != debug_locks: ]] || echo "lockdep $value"
	done </proc/lockdep_stats
}

snapshot() {
	snapshot_modules
	snapshot_disks
	snapshot_dm
	snapshot_processes
	# but for TAINT_TEST (1 << 18): the suites of KUnit have been run here; and for a module, ours on a stock kernel or
	# one of the tests, that is not of the kernel's source (1 << 12) and not signed (1 << 13), or a live patch (1 << 15)
	echo "taint $(($(</proc/sys/kernel/tainted) & ~(1 << 18 | 1 << 12 | 1 << 13 | 1 << 15)))"
	snapshot_mounts
	snapshot_lockdep
}

# leaks BEFORE-FILE: puts what is there now into $state, what differs into $found. Some teardown is done by kernel
# workers (the bypass disk, loop's lazy unbinding, a late unmount), so what is left gets five seconds to go.
leaks() {
	local before=$1 since=$SECONDS
	found=
	while :; do
		state=$(snapshot)
		[[ $state != "$(<"$before")" ]] || return 0
		! out_of_time "$since" 5 || break
		sleep 0.5
	done
	found=$(describe_leaks "$before" "$state")
}

# describe_leaks BEFORE-FILE NOW
describe_leaks() {
	diff "$1" <(echo "$2") | sed -n 's/^> /left behind: /p; s/^< /gone or changed: /p'
}
