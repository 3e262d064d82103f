# shellcheck shell=bash
# For tests of what the target refuses: how it says so, and that nothing has come of it. They source this file after
# test.sh.

# For how many interposers the block layer's hook is on. Off again, it shows that about a second late.
hook_users() {
	local file=/sys/module/dm_interpose/parameters/hook_users
	if [[ -r $file ]]; then
		echo "$(<"$file")"
	else
		echo 0
	fi
}

hook_users_are() {
	(($(hook_users) == $1))
}

# Every node and link that shows a device or who uses it
visible() {
	printf '%s\n' /dev/interpose* /dev/mapper/* /sys/block/* /sys/class/block/*/{holders,slaves}/*
}

# refusals_begin: what is there now must be there, and nothing else, after each refusal
refusals_begin() {
	modprobe dm-interpose
	cleanup dm_remove_if_there "$P-refused"
	VISIBLE=$(visible) HOOK_USERS=$(hook_users)
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

# undisturbed DEV…: no hook is left on, and DEV takes data and gives them back (it overwrites 64 KiB at 1 MiB)
undisturbed() {
	local dev
	wait_until "the hook is off again" 10 hook_users_are "$HOOK_USERS"
	nothing_came_of_it
	for dev; do
		dd if=/dev/urandom of="$T_DIR/pattern" bs=64k count=1 status=none
		dd if="$T_DIR/pattern" of="$dev" bs=64k seek=16 oflag=direct conv=notrunc status=none
		dd if="$dev" bs=64k skip=16 count=1 iflag=direct status=none | cmp - "$T_DIR/pattern"
	done
}
