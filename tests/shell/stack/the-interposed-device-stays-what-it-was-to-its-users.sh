#!/bin/bash
# timeout: 120
# Given a disk with two partitions, and an ext4 mounted from the first
# When that partition, and then the whole disk, is interposed with linear, era and snapshot-origin
# Then blkid, sfdisk, blockdev, lsblk -t, and sysfs about the disk's queue and all sizes, say the same before, meanwhile
#   and afterwards
. tests/lib/test.sh
requires_target interpose era snapshot-origin

# what_it_is: all that a user may ask. The shell reads sysfs without a process.
what_it_is() {
	local file value sys=/sys/block/${disk#/dev/}
	echo 1 >/proc/sys/vm/drop_caches # what was read before is read again
	for file in "$sys"/queue/{,iosched/}* "$sys"/{,"${disk#/dev/}"*/}{alignment_offset,dev,discard_alignment,partition,ro,size,start}; do
		[[ -f $file && -r $file ]] || continue
		value=''
		read -rd '' value <"$file" || [[ $value ]]
		echo "$file: $value"
	done
	blkid -p -o full "$one" "$two" "$disk"
	sfdisk --dump "$disk"
	blockdev --report "$one" "$two" "$disk"
	lsblk --topology --nodeps "$one" "$two" "$disk"
}

# same WHEN: as it was at the beginning
same() {
	what_it_is >"$T_DIR/now"
	diff "$T_DIR/before" "$T_DIR/now" >&2 || fail "it differs $1"
	asked=$((asked + 1))
}

asked=0
disk=$(scratch a)
one=$(partition "$disk" 64 32)
two=$(part "$disk" 2)
mkfs_mounted ext4 "$one" >"$T_DIR/at"
meta=$(scratch b)
what_it_is >"$T_DIR/before"
for word in queue/scheduler queue/max_sectors_kb "${one#/dev/}/size" 'TYPE="ext4"' 'PTTYPE="dos"' 'start= ' StartSec ALIGNMENT; do
	grep -qF -- "$word" "$T_DIR/before" || fail "$word is not asked for: the test is broken"
done
for dev in "$one" "$disk"; do
	for inner in "linear $dev 0" "era $meta $dev 64" snapshot-origin; do
		# shellcheck disable=SC2086 # the inner target and its arguments
		interpose x "$dev" $inner >"$T_DIR/x"
		equal "state" attached "$(interposer_state x)"
		same "when $dev is interposed with $inner"
		dmsetup remove "$P-x"
		blkdiscard -z -l 4096 "$meta" # the next era begins anew
	done
	same "when $dev is free again"
done
equal "looks" 8 "$asked"
umount "$(<"$T_DIR/at")"
fsck_clean "$one"
test_done
