#!/bin/bash
# Given the tests of the check suite
# When tests/run says what it would run, for all, for a part, and for one kind of disks
# Then each kind has its share of those on our own kernels, a test keeps its kind whatever runs beside it, tests that need
#   a kind keep theirs, options about disks are for virtio-blk, and there are few guests more than kinds
. tests/lib/test.sh

# listed [OPTION…]: what is to run in guests, as "KIND NAME"
listed() {
	tests/run --list "$@" | sed -n 's/^vm *[0-9]* s  //p' | tr -s ' '
}

listed | grep -v ' stock-[0-9.]*:' >"$T_DIR/all" # on a kernel of Debian's those of make check share a guest
for kind in virtio-blk virtio-scsi nvme; do
	count=$(grep -c "^$kind " "$T_DIR/all")
	note "$count tests on $kind"
	((count * 5 >= $(wc -l <"$T_DIR/all"))) || fail "only $count tests are run on $kind"
done
listed T=errors/ >"$T_DIR/errors"
((($(wc -l <"$T_DIR/errors")) > 20)) || fail "tests are missing: $(<"$T_DIR/errors")"
equal "what has another kind in a smaller run" "" "$(grep -vxFf <(listed --tier full) "$T_DIR/errors" || true)"
equal "kinds with --disks nvme" nvme "$(listed --disks nvme T=errors/a-device-is | cut -d' ' -f1 | sort -u)"
equal "one that needs its kind" "virtio-blk devices: a virtio disk may be unplugged and come back" \
	"$(listed --disks nvme T=devices/a-virtio-disk)"
equal "a line of the matrix with options" "virtio-blk matrix: device:nvme" "$(listed --disks nvme T=matrix/device:nvme)"
equal "guests with udevd" 1 "$(tests/run --tier full --list | grep -c '(debug--.*--udev)')"
expect_error "usage:" -- tests/run --disks floppy --list
expect_error "not virtio-blk, virtio-scsi or nvme" -- tools/vm/run --disks floppy true
expect_error "always have a write cache" -- tools/vm/run --disks nvme --write-through 1 true
test_done
