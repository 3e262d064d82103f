#!/bin/bash
# tier: full
# timeout: 240
# Given a mounted btrfs, which a suspend cannot freeze but its user has frozen with fsfreeze, and a write that waits
#   for the thaw
# When an interposer is attached, suspended, resumed and detached
# Then all of this succeeds and the file system stays frozen, until its user thaws it, once; then the write is done
#   (also if the freeze came while the interposer was there)
. tests/lib/test.sh
. tests/lib/fsfreeze.sh
requires_target interpose

frozen_by_user btrfs
not_frozen
test_done
