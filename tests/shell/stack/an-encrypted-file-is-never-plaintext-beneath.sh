#!/bin/bash
# tier: full
# kcsan: yes
# timeout: 120
# Given an ext4 with inline encryption (by the block layer's own means, the disk has none), on a partition
# When a file in an encrypted directory is written before, while and after the device is interposed, and while it has a
#   snapshot; and one in a directory without encryption
# Then the first one's text is nowhere on the disk, beneath the hook or in the snapshot's space, the second one's is;
#   and all can be read back, each also in the other state
. tests/lib/test.sh
requires_target interpose snapshot
encrypted_directory=$(program encrypted-directory)

secret="this-must-be-encrypted-$RANDOM$RANDOM"
public="this-may-be-seen-$RANDOM$RANDOM"

# lines TEXT FILE: 64 KiB of it
lines() {
	local i text=''
	for ((i = 0; i < 32; i++)); do
		text+="$1"$'\n'
	done
	for ((i = 0; i < 64; i++)); do
		printf '%s' "$text"
	done >"$2"
}

# write_both NAME: a secret file, past the page cache, and a public one
write_both() {
	lines "$secret" "$T_DIR/secret"
	lines "$public" "$T_DIR/public"
	dd if="$T_DIR/secret" of="$at/secret/$1" bs=4k oflag=direct status=none
	dd if="$T_DIR/secret" of="$at/secret/$1.buffered" bs=4k conv=fsync status=none
	dd if="$T_DIR/public" of="$at/public-$1" bs=4k conv=fsync status=none
}

read_both() {
	local name
	echo 3 >/proc/sys/vm/drop_caches
	for name in "$@"; do
		cmp "$T_DIR/secret" "$at/secret/$name"
		cmp "$T_DIR/secret" "$at/secret/$name.buffered"
		cmp "$T_DIR/public" "$at/public-$name"
	done
}

# shows TEXT DEV: is it there, past the page cache?
shows() {
	dd if="$2" bs=1M iflag=direct status=none | grep -aF "$1" >"$T_DIR/found" # to the end: no broken pipe
}

only_public_in() {
	local dev
	for dev; do
		shows "$public" "$dev" || fail "the text without encryption is not on $dev: the test is broken"
		! shows "$secret" "$dev" || fail "the text that must be encrypted is on $dev"
	done
}

disk=$(scratch a)
dev=$(partition "$disk" 32)
cow=$(partition "$(scratch b)" 48)
mkfs.ext4 -q -F -O encrypt "$dev"
at=$T_DIR/mnt
mkdir "$at"
cleanup unmount_if_there "$at"
mount -o inlinecrypt "$dev" "$at"
mkdir "$at/secret"
"$encrypted_directory" "$at/secret"

write_both before
dmesg_since_start
[[ $log == *"using blk-crypto-fallback"* ]] || fail "inline encryption is not used: the test is broken"
interpose x "$dev" snapshot-origin
beneath=$(interposer_beneath x)
read_both before
write_both within
dmsetup suspend "$P-x"
snap=$(dm_create snap "0 $(sectors "$dev") snapshot $beneath $cow P 8")
dmsetup resume "$P-x"
write_both before # over what the snapshot shares
write_both within
read_both before within
only_public_in "$beneath" "$dev" "$snap"
shows "$public" "$cow" || fail "nothing was copied to the snapshot's space: the test is broken"
! shows "$secret" "$cow" || fail "the text that must be encrypted is in the snapshot's space"
dmsetup remove "$snap"
dm_reload x "0 $(sectors "$dev") interpose $dev linear $dev 0"
write_both linear
read_both before within linear
dmsetup remove "$P-x"
read_both before within linear
write_both after
only_public_in "$dev"
umount "$at"
fsck_clean "$dev"
test_done
