#!/bin/bash
# timeout: 60
# Given no device of that name
# When it is named in an interpose line: a path that leads nowhere, a number without a device, a file that is no
#   block device
# Then the line is refused and the kernel log says what was not found, and nothing has changed
. tests/lib/test.sh
. tests/lib/refusals.sh

dev=$(scratch a)
refusals_begin
: >"$T_DIR/file"
refused "no block device /dev/no-such-disk" ENOENT "0 2048 interpose /dev/no-such-disk linear $dev 0"
refused "no block device $T_DIR/file" ENOTBLK "0 2048 interpose $T_DIR/file linear $dev 0"
refused "no block device frobnicate" ENOENT "0 2048 interpose frobnicate linear $dev 0"
refused "cannot open 240:77" ENXIO "0 2048 interpose 240:77 linear $dev 0"
undisturbed "$dev"
test_done
