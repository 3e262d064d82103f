#!/bin/bash
# timeout: 120
# Given writes that the inner target keeps: a mirror, because a leg has failed, and a thin device, whose pool is full
# When the interposer is suspended without flush, so that the inner target pushes them back, and what was wrong is mended
# Then none has failed, none ends until the resume, and what they wrote is read back
. tests/lib/test.sh
requires_target mirror thin-pool

dev=$(partition "$(scratch a)" 32)
size=$(sectors "$dev")
other=$(scratch b)
dd if=/dev/urandom of="$T_DIR/data" bs=1M count=4 status=none

# kept CONDITION: writes that do not end, by several tasks; of 4 KiB, and of more than a region of the mirror or a block of
# the pool
kept() {
	local i
	writers=()
	for i in 0 1 2 3; do
		dd if="$T_DIR/data" of="$dev" bs=256k skip=$((i * 4)) seek=$((i * 4)) count=4 oflag=direct status=none &
		writers+=($!)
	done
	dd if="$T_DIR/data" of="$dev" bs=4k skip=1000 seek=1000 count=8 oflag=direct status=none &
	writers+=($!)
	wait_until "writes are kept: $1" 60 "$1"
}

# The mirror holds the write that has failed
leg_has_failed() {
	[[ $(interposer_inner_status x) =~ \ 1\ AD\  ]]
}

# The thin device retries what did not get a block
pool_is_full() {
	[[ $(dmsetup status "$P-pool") == *" out_of_data_space "* ]]
}

# pushed_back: by the suspend, which would wait for what is in flight; none of them has failed
pushed_back() {
	local writer waiting=0
	in_time 60 dmsetup suspend --noflush --nolockfs "$P-x"
	for writer in "${writers[@]}"; do
		if kill -0 "$writer" 2>/dev/null; then
			waiting=$((waiting + 1))
		else
			wait "$writer"
		fi
	done
	((waiting > 0)) || fail "no write waits: nothing was pushed back"
}

done_after_resume() {
	local writer
	dmsetup resume "$P-x"
	for writer in "${writers[@]}"; do
		wait "$writer"
	done
	cmp -n 4194304 "$T_DIR/data" <(dd if="$dev" bs=1M count=4 iflag=direct status=none)
	dmsetup remove "$P-x"
}

leg=$(linear_create leg "$other" 0 "$size")
expects_dmesg 'Mirror' 'mirror'
interpose x "$dev" mirror core 2 128 nosync 2 "$dev" 0 "$leg" 0 1 handle_errors >/dev/null
dm_reload leg "0 $size error"
kept leg_has_failed
pushed_back
dmsetup load "$P-x" --table "0 $size interpose $dev linear $dev 0"
done_after_resume

modprobe dm-thin-pool no_space_timeout=0 2>/dev/null || true
echo 0 >/sys/module/dm_thin_pool/parameters/no_space_timeout
expects_dmesg 'out-of-data-space' 'low water mark' 'switching pool to'
meta=$(linear_create meta "$other" 262144 16384)
dd if=/dev/zero of="$meta" bs=1M count=4 status=none conv=fsync
data=$(linear_create data "$(scratch c)" 0 2048)
pool=$(dm_create pool "0 2048 thin-pool $meta $data 128 0")
dmsetup message "$pool" 0 "create_thin 0"
interpose x "$dev" thin "$pool" 0 "$dev" >/dev/null
kept pool_is_full
pushed_back
dm_reload data "0 $((size + 4096)) linear $(disk c) 0"
dm_reload pool "0 $((size + 4096)) thin-pool $meta $data 128 0"
done_after_resume
test_done
