#!/bin/bash
# tier: full
# timeout: 200
# Given an interposer of a mounted ext4 that is written and synced all the time
# When a few random sequences of three commands are given, of suspend, resume, load of good and bad tables, clear,
#   wipe_table, pin, unpin and remove
# Then each command does what it should or is refused as it should; after each sequence and a resume the file system is
#   written and synced, and nothing has failed
# (SEED=… repeats them. All of them: any-three-commands-….)
. tests/lib/test.sh
. tests/lib/cycles.sh
. tests/lib/sequence.sh

seed=${SEED:-$RANDOM}
note "SEED=$seed"
RANDOM=$seed
sequences_begin
for _ in {1..12}; do
	three=()
	for _ in 1 2 3; do
		three+=("${COMMANDS[RANDOM % ${#COMMANDS[@]}]}")
	done
	note "${three[*]}"
	sequence "${three[@]}"
done
sequences_end
test_done
