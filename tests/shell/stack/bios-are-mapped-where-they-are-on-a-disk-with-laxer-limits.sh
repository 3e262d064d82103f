#!/bin/bash
# timeout: 90
# disks: nvme (its memory need not be aligned to sectors, that of device-mapper has to be)
# Given a raw NVMe disk, and a partition of one, interposed, with bios mapped where they are (the module's parameter
#   "direct")
# When blocks of a megabyte in aligned memory are read and written
# Then the iostat of the mapped device counts them, but no time: device-mapper has not seen them
. tests/lib/test.sh
requires_target interpose

direct_on
for dev in "$(scratch b)" "$(partition "$(scratch a)" 64)"; do
	interpose x "$dev" linear "$dev" 0 >/dev/null
	read -ra before <"$(sysfs_dir "/dev/mapper/$P-x")/stat"
	dd if=/dev/zero of="$dev" bs=1M count=16 oflag=direct conv=notrunc status=none
	dd if="$dev" of=/dev/null bs=1M count=16 iflag=direct status=none
	read -ra after <"$(sysfs_dir "/dev/mapper/$P-x")/stat"
	equal "sectors read and written" "32768 32768" "$((after[2] - before[2])) $((after[6] - before[6]))"
	equal "milliseconds of $((after[0] - before[0])) reads and $((after[4] - before[4])) writes" "0 0" \
		"$((after[3] - before[3])) $((after[7] - before[7]))"
	dmsetup remove "$P-x"
done
test_done
