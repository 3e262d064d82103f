#!/bin/bash
# kernel: stock-6.12
# disks: virtio-blk (one guest for all that run on this kernel)
# timeout: 150
# Given an interposed disk of a kernel of Debian's, under verified load, where bios are mapped where they are
# When there is never memory for what stands in for the end of such a bio, for each bio or for every third
# Then those go through device-mapper as ever: each is counted once, none fails, and every block is verified
. tests/lib/test.sh
requires_module fail-step
cleanup rmmod fail-step

step=/sys/module/fail_step/parameters/step
direct_on
dev=$(partition "$(scratch a)" 64)
interpose x "$dev" linear "$dev" 0 >/dev/null
fio_verify_start load "$dev" --size=8M --bs=4k
for nth in 1 3; do
	wait_redirected x 20
	echo "bio_prepare_direct * $nth 0 every" >"$step"
	wait_redirected x 200
	calls=$(<"$step")
	((calls >= 100)) || fail "bio_prepare_direct() was called only $calls times: nothing was tested"
	suspend_until_all_waits x
	dmsetup resume "$P-x"
	echo >"$step"
done
wait_redirected x 50
dmsetup remove "$P-x"
fio_verify_stop load
test_done
