#!/bin/bash
# tier: full
# timeout: 300
# Given a mounted ext4 with a swap file whose path has blanks, a btrfs, and a kernel with and without the target
# When interposectl checks them, attaches them and makes snapshots of them
# Then check says what there is to think of, and so do the others, unless they are to be quiet; without the target it
#   says that this kernel has none, or does not load it and why, and what to do; an ordinary user is told that it needs root
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot

swap_off() {
	swapoff -a
}

modules_back() {
	! mountpoint -q "$modules" || umount "$modules"
}

interposectl_cleans
dev=$(partition "$(scratch a)" 64 130)
two=${dev%1}2
at=$(mkfs_mounted ext4 "$dev")
btrfs_at=$(mkfs_mounted btrfs "$two")
mkdir "$at/a  b"
file="$at/a  b/swap file"
dd if=/dev/zero of="$file" bs=1M count=8 status=none
chmod 600 "$file"
mkswap -q "$file"
interposectl_status 0 check "$at"
equal "not swapped to yet" "" "$(grep swapped <<<"$said" || true)"
cleanup swap_off
swapon "$file"
for at_one in "$at swapped-to" "$btrfs_at not-frozen"; do
	read -r where what <<<"$at_one"
	text="is active as swap; attaching is safe"
	[[ $what == swapped-to ]] || text="has a btrfs, which is written back but not frozen"
	interposectl_status 0 check "$where"
	says "note" "${text%%;*}"
	interposectl_status 0 attach --name "$P-x" "$where"
	says "note: " "$text"
	interposectl_status 0 --quiet detach "$where"
	interposectl_status 0 --quiet attach --name "$P-x" "$where"
	equal "what it says with --quiet" "" "$said"
	interposectl_status 0 --quiet detach "$where"
	interposectl_status 0 --dry-run snapshot --ram "$where"
	says "note: " "$text"
done
swapoff "$file"

cp "$PLAIN" "$T_DIR/plain"
chmod 755 "$T_DIR" "$T_DIR/plain"
for command in list "check $dev" "attach $dev" "snapshot --list" recover; do
	# shellcheck disable=SC2086 # words
	said=$(setpriv --reuid 65534 --regid 65534 --clear-groups "$T_DIR/plain" $command 2>&1) && fail "done as an ordinary user: $command"
	equal "what $command says" "interposectl: this needs root, like all of device-mapper; try sudo" "$said"
done

modules=/lib/modules/$(uname -r)
cleanup modules_back
modprobe -r dm_interpose
mount -t tmpfs none "$modules"
interposectl_status 1 check "$dev" "$two"
says "refuse" "this kernel ($(uname -r)) has no target interpose" "install the package dm-interpose-dkms" "boot a kernel with dm-interpose"
interposectl_status 1 check --json "$dev"
says_json '"what":"no-target"'
for command in "attach $dev" "snapshot --ram $at"; do
	# shellcheck disable=SC2086 # words
	interposectl_status 1 $command
	says "no target interpose" "install the package dm-interpose-dkms"
done
# refused MODULE 'what modprobe says' TEXT…: the module is there, and the kernel does not load it
refused() {
	printf '#!/bin/sh\necho "%s" >&2\nexit 1\n' "modprobe: ERROR: could not insert '$1': $2" >"$T_DIR/modprobe"
	interposectl_status 1 check "$dev"
	says "refuse" "$3" "$4"
	interposectl_status 1 attach "$dev"
	says "$3" "$4"
	[[ $said != *"has no target"* && $said != *"install the package"* ]] || fail "it says that there is no module"
}

printf '%s\n' '#!/bin/sh' 'exit 1' >"$T_DIR/modprobe"
chmod 755 "$T_DIR/modprobe"
modprobe=$(</proc/sys/kernel/modprobe)
cleanup eval "echo '$modprobe' >/proc/sys/kernel/modprobe"
echo "$T_DIR/modprobe" >/proc/sys/kernel/modprobe
refused blk_interposer "Key was rejected by service" "loads only modules signed with a key that it knows" "mokutil --import"
refused blk_interposer "Required key not available" "loads only modules signed with a key that it knows" "mokutil --import"
refused dm_interpose "No such file or directory" "could not insert 'dm_interpose': No such file or directory" "dmesg says why"
interposectl_status 1 check --json "$dev"
says_json '"what":"module-refused"'
printf '%s\n' '#!/bin/sh' 'echo "modprobe: FATAL: Module dm-interpose not found in directory" >&2' 'exit 1' >"$T_DIR/modprobe"
interposectl_status 1 check "$dev"
says "has no target interpose" "install the package dm-interpose-dkms"
echo "$modprobe" >/proc/sys/kernel/modprobe
modules_back
interposectl_status 0 check "$dev"
says "can be interposed"
umount "$at" "$btrfs_at"
test_done
