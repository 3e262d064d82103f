#!/bin/bash
# tier: full
# timeout: 240
# Given a mounted ext4 that its user has frozen with fsfreeze, and a write that waits for the thaw
# When an interposer is attached, suspended, resumed and detached
# Then all of this succeeds and the file system stays frozen, until its user thaws it, once; then the write is done
#   (also if the freeze came while the interposer was there, and if the thaw comes while it is suspended)
. tests/lib/test.sh
. tests/lib/fsfreeze.sh
requires_target interpose

frozen_by_user ext4
frozen_by_suspend
not_frozen
test_done
