#!/bin/bash
# timeout: 60
# Given a zoned device and one that is not
# When the zoned one is to be interposed, or used by the inner target for the other
# Then that is refused, and nothing has changed
. tests/lib/test.sh
. tests/lib/refusals.sh

zoned=$(null_blk_create zoned zoned=1 zone_size=64) plain=$(null_blk_create plain)
size=$(sectors "$plain")
refusals_begin
refused "${zoned#/dev/} is zoned, which is not supported" EOPNOTSUPP "0 $size interpose $zoned linear $zoned 0"
refused "zoned model is not consistent across all devices" EINVAL "0 $size interpose $plain linear $zoned 0"
undisturbed "$plain"
test_done
