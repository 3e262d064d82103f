# shellcheck shell=bash
# For tests of the harness: run tests/run on fixtures, see what it reports.

fixtures=$REPO/tests/meta/fixtures
report=$T_DIR/report

# run_fixtures DIR [VARIABLE=VALUE…]: its exit status goes to $reported_status
run_fixtures() {
	local dir=$1
	shift
	reported_status=0
	env -u T_DIR -u T_FILE -u T_LOG_MARK -u IN_GUEST -u T DM_INTERPOSE_TESTS="$fixtures/$dir" "$@" \
		tests/run >"$report" 2>"$T_DIR/complaints" || reported_status=$?
	cat "$report" "$T_DIR/complaints"
}

# ended_with STATUS: of the last run_fixtures
ended_with() {
	equal "exit status of tests/run" "$1" "$reported_status"
}

# reported REGEX: a line of the report is like this
reported() {
	grep -Eq -- "$1" "$report" || fail "not in the report: $1"
}

# reported_as_said DIR: each fixture tells by "# reported:" lines what the report must hold
reported_as_said() {
	local file regex missing=0 count=0
	while IFS=: read -r file regex; do
		count=$((count + 1))
		regex=${regex#\# reported: }
		grep -Eq -- "$regex" "$report" || {
			note "${file##*/}: not in the report: $regex"
			missing=$((missing + 1))
		}
	done < <(grep -r '^# reported: ' "$fixtures/$1")
	((count > 0)) || fail "no fixture says what is to be reported"
	((missing == 0)) || fail "$missing of $count expected lines are not in the report"
}

# The plan was made and kept: as many verdicts as planned, and the last line counts them
reported_in_full() {
	local planned verdicts
	planned=$(sed -n 's/^1\.\.//p' "$report")
	verdicts=$(grep -Ec '^(not )?ok [0-9]+ - ' "$report")
	equal "verdicts" "$planned" "$verdicts"
	equal "last line" "$(grep -Ec '^ok .* # [^S]' "$report") passed, $(grep -c '^not ok' "$report") failed, $(grep -c '^ok .* # SKIP' "$report") skipped" \
		"$(tail -n 1 "$report")"
}
