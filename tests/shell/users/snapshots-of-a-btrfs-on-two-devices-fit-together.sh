#!/bin/bash
# tier: full
# timeout: 240
# Given a mounted btrfs with its data striped over two devices, under load, with a writer that syncs file after file
# When both interposers are suspended, then both snapshots taken, then both resumed, and the snapshots copied
# Then the copies make a file system without an error, with every file that was safe before the first suspend
. tests/lib/test.sh
. tests/lib/btrfs.sh
requires_target interpose snapshot

one=$(partition "$(scratch a)" 160) two=$(partition "$(scratch b)" 160)
at=$(mkfs_mounted_on_two "$one" "$two")
snapshots_are_consistent "$at" "$one" "$two"
test_done
