#!/bin/bash
# tier: full
# timeout: 300
# Given a file system on which all programs lie that a process has for its root, under load, and a page cache that is
#   dropped all the time
# When that process runs the document's commands for a suspend under the root file system
# Then they work, though nothing can be read there while it is suspended; dmsetup itself, run from there in that time,
#   waits for a resume by somebody else
. tests/lib/test.sh
. tests/lib/recipe.sh
requires_target snapshot

PROGRAMS=(bash sh dmsetup modprobe mkdir mount umount ldd grep sort cp dd cut chroot blockdev swapoff swapon rmdir cat)

# root_made: all of them, and their libraries
root_made() {
	local program paths=() dir
	for program in "${PROGRAMS[@]}"; do
		paths+=("$(command -v "$program")")
	done
	mapfile -t paths < <(ldd "${paths[@]}" | grep -o '/[^ :]*' | sort -u)
	cp --parents -L "${paths[@]}" "$(command -v ldd)" "$at"
	mkdir -p "$at"/{bin,sbin,lib/modules,etc,tmp}
	for program in sh bash; do
		[[ -e $at/bin/$program ]] || cp -L "/bin/$program" "$at/bin"
	done
	[[ -e $at/sbin/dmsetup ]] || cp -L /sbin/dmsetup "$at/sbin"
	: >"$at/etc/fstab"
	cleanup binds_unmounted
	for dir in dev proc sys run lib/modules; do
		mkdir -p "$at/$dir"
		mount --bind "/$dir" "$at/$dir"
	done
}

binds_unmounted() {
	local dir
	for dir in run/dm dev proc sys run lib/modules; do
		! mountpoint -q "$at/$dir" || umount -R "$at/$dir"
	done
	! mountpoint -q /run/dm || umount -R /run/dm
	[[ ! -d /run/dm ]] || rmdir /run/dm
}

# What is not in use is not in memory
drop_caches() {
	until [[ -e $T_DIR/enough ]]; do
		echo 3 >/proc/sys/vm/drop_caches
		pause 0.1
	done
}

is_held() {
	[[ $(interposer_state x) == held ]]
}

ended() {
	! kill -0 "$1" 2>/dev/null
}

dev=$(partition "$(scratch a)" 200)
spare=$(partition "$(scratch b)" 64)
at=$(mkfs_mounted ext4 "$dev")
root_made
recipe_for "$dev" / "$spare"
recipe_script "Under the root file system or swap" >"$T_DIR/script"
[[ $(<"$T_DIR/script") == *"resume $P-x"* ]] || fail "the document has no such section: the test is broken"
fio_verify_start load "$at" --size=16M
drop_caches &
dropper=$!
chroot "$at" /bin/bash -eux <"$T_DIR/script" >&2
: >"$T_DIR/enough"
wait "$dropper"
not dm_exists "$P-x" # the script has come to its end

interpose x "$dev"
chroot "$at" /bin/sh -c "dmsetup suspend $P-x; echo 3 >/proc/sys/vm/drop_caches; dmsetup resume $P-x" &
pid=$!
wait_until "x is held" 30 is_held
pause 5
if ! is_held || ended "$pid"; then
	fail "the programs were not read from the suspended device: nothing has been tested"
fi
dmsetup resume "$P-x"
wait "$pid"
dmsetup remove "$P-x"
fio_verify_stop load
binds_unmounted
umount "$at"
fsck_clean "$dev"
test_done
