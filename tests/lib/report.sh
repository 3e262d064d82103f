# shellcheck shell=bash
# KTAP on standard output, and the counts.

verdicts=() # of what this process has reported; $logs/verdicts has everybody's

# diagnose FILE [LINES]: its end, as diagnostics
diagnose() {
	[[ ! -s $1 ]] || tail -n "${2:-25}" "$1" | tr -d '\r' | cut -c1-220 | sed 's/^/#   /'
}

# report INDEX VERDICT SECONDS [COMMAND…]: VERDICT is "pass", "skip REASON" or "fail REASON"; COMMAND prints the
# diagnostics. Tests are numbered as they end. Guests run side by side, so each report is made under a lock. It is kept
# in the logs too.
report() {
	local i=$1 verdict=$2 seconds=$3 number lock
	verdicts[i]=$verdict
	exec {lock}>>"$logs/report.lock"
	flock "$lock"
	echo "${verdict%% *} $i" >>"$logs/verdicts"
	number=$(wc -l <"$logs/verdicts")
	record "$i" "$verdict" "$seconds"
	print_report "${@:4}" | tee -a "$logs/report"
	exec {lock}>&-
}

# print_report [COMMAND…]: the part of report that is printed; shares its variables
print_report() {
	case $verdict in
	"$REMEMBERED") echo "ok $number - ${names[i]} # (remembered)" ;;
	pass*)
		verdict=${verdict#pass}
		echo "ok $number - ${names[i]} # ${verdict:+${verdict# }, }$seconds s"
		;;
	skip*) echo "ok $number - ${names[i]} # SKIP ${verdict#skip }" ;;
	*)
		echo "not ok $number - ${names[i]} # ${verdict#fail } ($seconds s$(disks_said ', disks: '))"
		"$@"
		;;
	esac
}

# disks_said TEXT: the kind of the disks of the guest that test i ran in, with the text before it
disks_said() {
	local options=" ${groups[i]#*|} "
	[[ ${kinds[i]} == vm ]] || return 0
	[[ $options == *" --disks "* ]] || options="--disks ${DISK_KINDS[0]} "
	options=${options#*--disks }
	echo "$1${options%% *}"
}

# report_files INDEX PREFIX SECONDS: from what run_one has written
report_files() {
	local prefix=$2 verdict
	verdict=$(head -n 1 "$prefix.verdict" 2>/dev/null)
	report "$1" "${verdict:-fail no verdict}" "$3" diagnose_files "$prefix"
}

diagnose_files() {
	tail -n +2 "$1.verdict" 2>/dev/null >"$1.details"
	diagnose "$1.details" 55
	diagnose "$1.out" 40
	echo "#   log: $1.*"
	[[ ${kinds[i]} != vm ]] || echo "#   by hand: tools/vm/run --kernel ${groups[i]/|/ } -- bash ${commands[i]}"
}

# Every planned test must have a verdict by now; one without is a failure, whatever happened to it
close_plan() {
	local i
	for i in "${!kinds[@]}"; do
		grep -q " $i\$" "$logs/verdicts" || report "$i" "fail never ran" 0
	done
}

# reports_of pass|fail|skip: how many
reports_of() {
	grep -c "^$1 " "${logs:-}/verdicts" 2>/dev/null || true
}
