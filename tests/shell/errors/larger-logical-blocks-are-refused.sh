#!/bin/bash
# timeout: 60
# Given a device with logical blocks of 512 bytes
# When it is to be interposed with an inner target on one with blocks of 4096
# Then that is refused, the kernel log has both sizes, and nothing has changed; the other way round it works
. tests/lib/test.sh
. tests/lib/refusals.sh

small=$(null_blk_create small) large=$(null_blk_create large blocksize=4096)
size=$(sectors "$small")
refusals_begin
refused "the inner target linear needs blocks of 4096 bytes, but the users of ${small#/dev/} rely on blocks of 512" \
	EINVAL "0 $size interpose $small linear $large 0"
interpose x "$large" linear "$small" 0
dd if=/dev/zero of="$large" bs=4k count=1 oflag=direct status=none
dmsetup remove "$P-x"
undisturbed "$small" "$large"
test_done
