#!/bin/bash
# timeout: 60
# Given a raw partition interposed with flakey, which cannot avoid to wait, and does such writes as any other
# When the interposer is suspended, with and without flush, or a resume was refused, and a write must not wait
# Then it gets EAGAIN at once; nothing of it is left at the interposer, and after a resume it is done
. tests/lib/test.sh
requires_target flakey
requires xfs_io

write_nowait() {
	in_time 20 xfs_io -d -c "pwrite -N -V 1 -b 4k 0 4k" "$dev"
}

refused() {
	expect_error "pwrite" EAGAIN -- write_nowait
	equal "bios at the interposer" 0 "$(interposer_held x)"
}

dev=$(partition "$(scratch a)" 64)
size=$(sectors "$dev")
interpose x "$dev" flakey "$dev" 0 3600 0
write_nowait
dmsetup suspend "$P-x"
refused
dmsetup resume "$P-x"
wait_until "the gate is open" 10 write_nowait
dmsetup suspend --noflush --nolockfs "$P-x"
refused
dmsetup load "$P-x" <<<"0 $((size - 8)) interpose $dev flakey $dev 0 3600 0"
expect_error "they must cover it exactly" EINVAL -- dmsetup resume "$P-x"
refused
dm_reload x "0 $size interpose $dev flakey $dev 0 3600 0"
wait_until "the gate is open" 10 write_nowait
dmsetup remove "$P-x"
write_nowait
test_done
