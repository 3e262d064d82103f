#!/bin/bash
# Given guests (made of paper: scripts in the place of tools/vm/run) in which every test passes
# When a guest ends with a dirty log, boots twice, dies while nothing runs, never comes up, or hangs
# Then the run fails and says so
. tests/lib/test.sh
. tests/lib/meta.sh

# paper_guest STATUS LINE…: a guest that says these lines and ends with this status
paper_guest() {
	local status=$1 line
	shift
	{
		echo '#!/bin/bash'
		# shellcheck disable=SC2016 # for the script to expand
		echo 'while [[ $1 != --share ]]; do shift; done; share=$2'
		for line in "$@"; do
			# shellcheck disable=SC2016
			[[ $line != *end* ]] || echo 'echo pass >"$share/001.verdict"'
			printf 'echo %q\n' "@@ $line"
			[[ $line != *hang ]] || echo "exec sleep 100"
		done
		echo "exit $status"
	} >"$T_DIR/guest"
	chmod +x "$T_DIR/guest"
	run_fixtures trivial DM_INTERPOSE_VM_RUN="$T_DIR/guest" DM_INTERPOSE_BOOT_LIMIT="${boot_limit:-300}" DM_INTERPOSE_PATIENCE=1
	reported_in_full
}

paper_guest 0 "boot a" "start 001" "end 001" finished
ended_with 0
reported '^2 passed, 0 failed, 0 skipped$'

paper_guest 99 "boot a" "start 001" "end 001" finished
reported '^ok 1 - trivial'
reported '^not ok 2 - the guests stay alive.*status 99'
ended_with 1

paper_guest 0 "boot a" "start 001" "end 001" "boot b" finished
reported '^not ok 2 - the guests stay alive.*booted 2 times'

paper_guest 98 "boot a" "start 001" "end 001"
reported '^not ok 2 - the guests stay alive.*ended badly.*98'

paper_guest 98
reported '^not ok 1 - trivial # never ran: no guest'
reported '^not ok 2 - the guests stay alive'

boot_limit=2 paper_guest 0 hang
reported '^not ok 1 - trivial # never ran: no guest'
reported '^not ok 2 - the guests stay alive.*hung'
test_done
