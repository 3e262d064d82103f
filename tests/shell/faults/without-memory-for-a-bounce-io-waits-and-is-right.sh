#!/bin/bash
# timeout: 240
# disks: virtio-scsi (scsi_debug and NVMe disks in one guest are more than lockdep bears, see scsi_disk_create)
# Given a SCSI disk with an inner target, and direct I/O with unaligned memory, which is bounced
# When there is no memory for that, now and then and most of the time, at each place that asks for some
# Then the I/O waits until a bounce has completed, and is right, also while I/O is held and let go, or the interposer removed
. tests/lib/test.sh
. tests/lib/vanish.sh
. tests/lib/inner.sh
requires_module fail-step
cleanup rmmod fail-step

step=/sys/module/fail_step/parameters/step
dev=$(partition "$(scsi_disk_create delay=0)" 48)
unaligned=$(program unaligned)
inner_arguments integrity-D "$dev"
dm_create x "0 $(sectors "$dev") interpose $dev $inner" >/dev/null

ended() {
	! kill -0 "$user" 2>/dev/null
}

# fails FUNCTION NTH [every]: beside that, I/O
fails() {
	note "$*"
	cleanup eval "echo > $step"
	echo "$1 blk_interposer_bounce $2 0 ${3:-}" >"$step"
	"$unaligned" "$dev" 4 4 3 >"$T_DIR/said" 2>&1 &
	user=$!
	dmsetup suspend --noflush "$P-x"
	dmsetup resume "$P-x"
	wait_until "the I/O is done" 120 ended
	wait "$user" || fail "$1: $(<"$T_DIR/said")"
	(($(<"$step") >= $2)) || fail "$1 was called $(<"$step") times only"
	echo >"$step"
	equal "bios that wait" 0 "$(interposer_held x)"
}

for nth in 1 7; do
	fails bio_alloc_bioset "$nth"
	fails mempool_alloc_noprof "$nth"
	fails bio_split 1
done
fails bio_alloc_bioset 2 every
fails mempool_alloc_noprof 40 every
fails bio_split 2 every

# a removal sends back what waits
echo "mempool_alloc_noprof blk_interposer_bounce 1 0 every" >"$step"
"$unaligned" "$dev" 4 4 3 >"$T_DIR/said" 2>&1 &
user=$!
waiting() {
	(($(interposer_held x) > 0))
}
wait_until "I/O waits for memory" 60 waiting
dmsetup remove "$P-x"
wait_until "the I/O is done" 120 ended
wait "$user" || fail "after the removal: $(<"$T_DIR/said")"
echo >"$step"
test_done
