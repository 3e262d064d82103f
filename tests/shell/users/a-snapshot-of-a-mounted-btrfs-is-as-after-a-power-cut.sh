#!/bin/bash
# tier: full
# timeout: 240
# Given a mounted btrfs under load, with a writer that syncs file after file
# When a snapshot of its device is taken between suspend and resume, and copied
# Then the copy is a file system without an error, with every file that was safe before the suspend
. tests/lib/test.sh
. tests/lib/btrfs.sh
requires_target interpose snapshot

dev=$(partition "$(scratch a)" 160)
at=$(mkfs_mounted btrfs "$dev")
snapshots_are_consistent "$at" "$dev"
test_done
