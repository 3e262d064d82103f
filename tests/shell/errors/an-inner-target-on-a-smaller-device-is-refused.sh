#!/bin/bash
# timeout: 60
# Given a disk and a smaller one
# When the first is to be interposed with an inner target on the second
# Then that is refused, and nothing has changed
. tests/lib/test.sh
. tests/lib/refusals.sh

dev=$(scratch a) small=$(null_blk_create small size=64)
refusals_begin
refused "${small#/dev/} too small for target" EINVAL "0 $(sectors "$dev") interpose $dev linear $small 0"
undisturbed "$dev" "$small"
test_done
