#!/bin/bash
# tier: full
# timeout: 300
# disks: virtio-blk (the story names them, as its guest has these)
# Given empty disks
# When the story of make demo is told
# Then each of its claims holds
. tests/lib/test.sh
requires_target era flakey snapshot

scratch a >/dev/null
scratch b >/dev/null
for at in /mnt /media; do
	cleanup unmount_if_there "$at"
done
cleanup dm_remove_if_there x
cleanup dm_remove_if_there snap
bash tools/demo.d/story
test_done
