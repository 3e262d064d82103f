# shellcheck shell=bash
# For tests of what the target refuses: how it says so, and that nothing has come of it. They source this file after
# test.sh.

# The block layer's hook is on once for each interposer that there is. Off again, it shows that about a second late.
hook_is_settled() {
	local disks=(/sys/block/interpose*)
	[[ -e ${disks[0]} ]] || disks=()
	(($(</sys/module/dm_interpose/parameters/hook_users) == ${#disks[@]}))
}

# Every node and link that shows a device or who uses it
visible() {
	printf '%s\n' /dev/interpose* /dev/mapper/* /sys/block/* /sys/class/block/*/{holders,slaves}/*
}

# refusals_begin: what is there now must be there, and nothing else, after each refusal
refusals_begin() {
	modprobe dm-interpose
	cleanup dm_remove_if_there "$P-refused"
	wait_until "the hook is on as often as it should be" 10 hook_is_settled
	VISIBLE=$(visible)
}

nothing_came_of_it() {
	equal "devices, nodes and links" "$VISIBLE" "$(visible)"
}

# refused 'text' ERRNO TABLE [dmsetup options]: a device with this table cannot be made
refused() {
	local text=$1 errno=$2 table=$3
	shift 3
	expect_error "$text" "$errno" -- dmsetup create "$P-refused" "$@" <<<"$table"
	nothing_came_of_it
}

# undisturbed [DEV…]: no hook is left on, and DEV takes data and gives them back (it overwrites 64 KiB at 1 MiB)
undisturbed() {
	local dev
	wait_until "the hook is off again" 10 hook_is_settled
	nothing_came_of_it
	for dev; do
		dd if=/dev/urandom of="$T_DIR/pattern" bs=64k count=1 status=none
		dd if="$T_DIR/pattern" of="$dev" bs=64k seek=16 oflag=direct conv=notrunc status=none
		dd if="$dev" bs=64k skip=16 count=1 iflag=direct status=none | cmp - "$T_DIR/pattern"
	done
}
