#!/bin/bash
# tier: full
# kernel: stock-6.12
# disks: virtio-blk (one guest for all that run on this kernel)
# vm: --append module.sig_enforce=1
# timeout: 120
# Given Debian's kernel as it is, which is to load signed modules only, as with Secure Boot, and our modules without a signature
# When the target is asked for, with dmsetup and with interposectl
# Then it is refused, interposectl says that it is for the signature and what to do, and the device is as it was
. tests/lib/test.sh
. tests/lib/interposectl.sh

dev=$(partition "$(scratch a)" 64)
at=$(mkfs_mounted ext4 "$dev")
expect_error "Invalid argument" -- dmsetup create "$P-x" --table "0 $(sectors "$dev") interpose $dev linear $dev 0"
for command in "check $at" "attach $at" "snapshot --ram $at"; do
	# shellcheck disable=SC2086 # words
	interposectl_status 1 $command
	says "loads only modules signed with a key that it knows" "mokutil --import /var/lib/dkms/mok.pub"
done
equal "loaded" "" "$(grep -E '^(blk_interposer|dm_interpose) ' /proc/modules || true)"
equal "mapped devices" "No devices found" "$(dmsetup ls)"
echo works >"$at/file"
sync -f "$at"
umount "$at"
fsck_clean "$dev"
test_done
