#!/bin/bash
# tier: full
# timeout: 200
# Given devices whose fifth is more than the memory, in the machine or in the control group, and a small one
# When interposectl is to make snapshots of them with --ram
# Then by default it takes at most half of what is free, for all of them together, and says so; a --size beyond that is
#   refused, with the size that there is, and nothing is left behind
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot

available() {
	local name kib rest
	while read -r name kib rest; do
		[[ $name != MemAvailable: ]] || echo "$kib"
	done </proc/meminfo
}

refused() {
	interposectl_status 1 snapshot --name "$P-snap" "$@"
	says "of memory is too much" "use --size" "--file"
	equal "mapped devices" "$P-huge" "$(dmsetup ls | cut -f1)"
	equal "records" "" "$(ls /run/interposectl)"
}

interposectl_cleans
dev=$(partition "$(scratch a)" 64 64)
size=$(($(available) * 2 * 20)) # sectors, of which a fifth is four times what is free
dm_create huge "0 $size zero" >/dev/null
huge=/dev/mapper/$P-huge
refused --ram --size "$(available)k" "$dev"
refused --ram --size "$(($(available) * 3 / 10))k" "$dev" "${dev%1}2"
refused --ram --size 100% "$huge"
refused --ram --size 1000000T "$huge"
interposectl_status 0 snapshot --name "$P-snap" --ram "$dev"
says "$P-snap: 12 MiB of memory" "less than half of what is free"
interposectl_status 0 snapshot --remove "$P-snap"
before=$(available)
interposectl_status 0 snapshot --name "$P-snap" --ram "$huge"
says "half of what is free, and less than 20% of the device"
after=$(available)
((after > before / 3 && after < before * 2 / 3)) || fail "of $before KiB that were free $after are left"
interposectl_status 0 snapshot --remove "$P-snap"

[[ -e /sys/fs/cgroup/cgroup.procs ]] || mount -t cgroup2 none /sys/fs/cgroup
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
group=/sys/fs/cgroup/$P
cleanup rmdir "$group"
mkdir "$group"
echo $((200 << 20)) >"$group/memory.max"
in_group() {
	(
		echo "$BASHPID" >"$group/cgroup.procs"
		interposectl_status "$@"
		echo "$said" >"$T_DIR/said"
	)
	said=$(<"$T_DIR/said")
}
in_group 1 snapshot --name "$P-snap" --ram --size 150M "$dev"
says "150 MiB of memory is too much"
in_group 0 snapshot --name "$P-snap" --ram --size 16M "$dev"
interposectl_status 0 snapshot --remove "$P-snap"
test_done
