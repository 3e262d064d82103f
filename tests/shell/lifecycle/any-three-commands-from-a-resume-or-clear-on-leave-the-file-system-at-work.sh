#!/bin/bash
# tier: full
# timeout: 2400
# Given an interposer of a mounted ext4 that is written and synced all the time
# When all sequences of three commands are given of which the first is resume, clear or a pin
# Then each command does what it should or is refused as it should; after each sequence and a resume, or a good table
#   where the last one cannot be resumed, the file system is written and synced, and nothing has failed
. tests/lib/test.sh
. tests/lib/cycles.sh
. tests/lib/sequence.sh

all_triples resume clear pin
test_done
