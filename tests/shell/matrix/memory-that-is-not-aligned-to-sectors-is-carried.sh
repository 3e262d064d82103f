#!/bin/bash
# tier: full
# kcsan: yes
# timeout: 300
# disks: nvme (virtio-blk takes only memory that is aligned to sectors)
# Given a partition of an NVMe disk, and a load by read and write, AIO and io_uring, also in registered buffers, from
#   memory that is aligned to four bytes
# When it is interposed with inner targets that hand bios on, copy, split, keep or change them, each suspended and detached
# Then no I/O fails, and all that was ever written is read back
. tests/lib/test.sh
. tests/lib/recipe.sh
. tests/lib/log_writes.sh
. tests/lib/matrix.sh
. tests/lib/storm.sh

for cell in linear mirror integrity crypt snapshot-origin; do
	note "$cell"
	unaligned_cell "$cell"
done
test_done
