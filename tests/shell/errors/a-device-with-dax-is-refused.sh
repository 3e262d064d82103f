#!/bin/bash
# tier: full
# timeout: 60
# vm: --append memmap=64M!1G
# Given a device whose memory can be mapped past the block layer
# When it is to be interposed
# Then that is refused, the kernel log says why, and nothing has changed
. tests/lib/test.sh
. tests/lib/refusals.sh

dev=/dev/pmem0
[[ -b $dev ]] || fail "there is no $dev"
refusals_begin
refused "pmem0 supports DAX, which bypasses the block layer" EOPNOTSUPP \
	"0 $(sectors "$dev") interpose $dev linear $dev 0"
undisturbed "$dev"
test_done
