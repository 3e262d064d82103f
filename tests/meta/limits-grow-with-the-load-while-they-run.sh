#!/bin/bash
# Given limits that would run out on an idle machine
# When the machine becomes busy after they have begun, and then for good and all
# Then what is only slow passes; what hangs is still reported
. tests/lib/test.sh
. tests/lib/meta.sh

echo 1 >"$T_DIR/patience"
run_fixtures patient T_PATIENCE_FILE="$T_DIR/patience"
reported_as_said patient
reported_in_full
ended_with 0

# the numbers: nobody else, a guest for each processor, five times as much
numbers=()
for load in 0.30 4.00 9.90 20.00; do
	numbers+=("$(
		patience=1 patience_processors=2
		unset T_PATIENCE_FILE DM_INTERPOSE_PATIENCE T_PATIENCE
		read() { printf -v load %s "$load_faked"; }
		load_faked=$load be_patient
		echo "$patience"
	)")
done
equal "patience on two processors" "1 2 5 11" "${numbers[*]}"

# a test may leave a guest without memory for a new process
env -u T_PATIENCE_FILE -u DM_INTERPOSE_PATIENCE -u T_PATIENCE bash >"$T_DIR/counted" <<-'END'
	. tests/lib/patience.sh
	PATH=/nowhere be_patient
	echo "$patience_processors"
END
equal "processors, counted without a process" "$(nproc)" "$(<"$T_DIR/counted")"
test_done
