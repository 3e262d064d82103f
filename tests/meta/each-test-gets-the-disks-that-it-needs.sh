#!/bin/bash
# timeout: 400
# tier: full
# kernel: debug
# Given tests that need disks of each kind, and one of them that fails
# When tests/run runs them in real guests, whatever other kind it is asked for
# Then each has four disks of its kind and the right names of partitions, and the report says the kind of the one that fails
. tests/lib/test.sh
. tests/lib/meta.sh

DM_INTERPOSE_TESTS=$fixtures/disks tests/run --disks virtio-scsi --list >"$T_DIR/list"
for kind in virtio-blk virtio-scsi nvme; do
	grep -Eq "^vm .* $kind +needs ${kind/-/ }\$" "$T_DIR/list" || fail "needs-$kind has another kind: $(<"$T_DIR/list")"
done
run_fixtures disks
ended_with 1
reported_in_full
reported_as_said disks
for kind in virtio-blk virtio-scsi nvme; do
	reported "^ok [0-9]+ - needs ${kind/-/ }"
done
test_done
