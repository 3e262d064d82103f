# shellcheck shell=bash
# KTAP on standard output, and the counts.

passed=0 failed=0 skipped=0
verdicts=()

# diagnose FILE [LINES]: its end, as diagnostics
diagnose() {
	[[ ! -s $1 ]] || tail -n "${2:-25}" "$1" | tr -d '\r' | cut -c1-220 | sed 's/^/#   /'
}

# report INDEX VERDICT SECONDS: VERDICT is "pass", "skip REASON" or "fail REASON"
report() {
	local i=$1 verdict=$2 seconds=$3 number=$(($1 + 1))
	verdicts[i]=$verdict
	case $verdict in
	pass*)
		passed=$((passed + 1))
		verdict=${verdict#pass}
		echo "ok $number - ${names[i]} # ${verdict:+${verdict# }, }$seconds s"
		;;
	skip*)
		skipped=$((skipped + 1))
		echo "ok $number - ${names[i]} # SKIP ${verdict#skip }"
		;;
	*)
		failed=$((failed + 1))
		echo "not ok $number - ${names[i]} # ${verdict#fail } ($seconds s)"
		;;
	esac
}

# report_files INDEX PREFIX SECONDS: from what run_one has written
report_files() {
	local i=$1 prefix=$2 verdict
	verdict=$(head -n 1 "$prefix.verdict" 2>/dev/null)
	report "$i" "${verdict:-fail no verdict}" "$3"
	[[ ${verdicts[i]} == fail* ]] || return 0
	tail -n +2 "$prefix.verdict" 2>/dev/null >"$prefix.details"
	diagnose "$prefix.details" 30
	diagnose "$prefix.out" 40
	echo "#   log: $prefix.*"
}

# Every planned test must have a verdict by now; one without is a failure, whatever happened to it
close_plan() {
	local i
	for i in "${!kinds[@]}"; do
		[[ ${verdicts[i]:-} ]] || report "$i" "fail never ran" 0
	done
}
