#!/bin/bash
# timeout: 300
# Given a raw partition with an interposer
# When a write must not wait
# Then it is done while the interposer is attached, and gets EAGAIN while it is suspended
. tests/lib/test.sh
requires_target interpose
requires xfs_io

write_nowait() {
	xfs_io -d -c "pwrite -N -V 1 -b 4k 0 4k" "$dev"
}

dev=$(partition "$(scratch a)" 64)
interpose x "$dev"
write_nowait
dmsetup suspend "$P-x"
for _ in 1 2 3; do
	expect_error "pwrite" EAGAIN -- write_nowait
done
equal "bios at the interposer" 0 "$(interposer_held x)"
dmsetup resume "$P-x"
wait_until "the gate is open" 10 write_nowait
dmsetup remove "$P-x"
write_nowait
test_done
