#!/bin/bash
# timeout: 150
# Given ext4, xfs, btrfs and a raw partition, with writers that verify
# When they are all interposed, suspended, reloaded, snapshotted and detached at random, with what must be refused
#   between, from a seed: as often as the first argument says, at least for as many seconds as the second, from the
#   seed in the third
# Then each operation does what the model says, no I/O fails, every block that was ever written holds the last data,
#   snapshots do not change, the file systems are in order, and nothing is left
. tests/lib/test.sh
. tests/lib/cycles.sh
. tests/lib/storm.sh

storm_begin
references_note
storm_run --switches "${1:-150}" --seconds "${2:-0}" --seed "${3:-1}" || {
	tail -n 40 "$storm_log"
	fail "$(grep -m 1 FAILED "$T_DIR/storm.out" || echo "the storm ended badly")"
}
grep -q "seed ${3:-1}: 0 I/O errors, 0 verify errors" "$T_DIR/storm.out"
storm_end
references_back "$(disk a)" "$(disk b)" "$(disk c)" "$(disk d)"
test_done
