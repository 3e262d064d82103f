# shellcheck shell=bash
# Runs the tests that want a guest. Those of a group (same kernel, same options of tools/vm/run) share guests: one
# serves until a test has left it in disorder, has killed it or hangs in it. $jobs guests run side by side: a shell
# test in an emulated machine keeps about one processor busy, so on two it is worth having two.

vm_run=${DM_INTERPOSE_VM_RUN:-tools/vm/run}
boot_limit=${DM_INTERPOSE_BOOT_LIMIT:-120}
grace=60 # past a test's own limit, for the guest to write down where it hangs
jobs=${DM_INTERPOSE_JOBS:-$(nproc)}
room=$(($(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo) / (3500 * 1024))) # each guest takes 3 GiB
((jobs <= 4)) || jobs=4
((jobs <= room)) || jobs=$((room > 0 ? room : 1))
vm_group= # process group of the running tools/vm/run

kill_vm() {
	[[ $vm_group ]] || return 0
	kill -TERM -- "-$vm_group" 2>/dev/null
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		kill -0 -- "-$vm_group" 2>/dev/null || break
		sleep 0.5
	done
	kill -KILL -- "-$vm_group" 2>/dev/null
	vm_group=
}

# start_vm GROUP DIR SECONDS: opens $stream, whose lines are the guest's output
start_vm() {
	local kernel=${1%%|*} dir=$2 limit=$3 options
	eval "options=(${1#*|})" # our own header lines, quoted as in a shell
	# shellcheck disable=SC2016
	exec {stream}< <(exec setsid bash -c 'echo $$ >"$0/pid"; "$@" 2>&1; echo $? >"$0/status"' "$dir" \
		"$vm_run" --no-build --kernel "$kernel" --timeout "$limit" --share "$dir" --console "$dir/console.log" \
		--env T_PATIENCE_FILE=/share/patience --env DM_INTERPOSE_PROGRAMS="${programs:-}" \
		--append "${DM_INTERPOSE_APPEND:-}" "${options[@]}" \
		-- tests/lib/guest-batch /share </dev/null)
	until [[ -s $dir/pid ]]; do
		sleep 0.05
	done
	vm_group=$(<"$dir/pid")
}

# plan_vm: the next guest of this job, for what is pending; sets dir and vm_limit. The guest's own limit is a last resort:
# whether it hangs is seen here.
plan_vm() {
	local i total=$boot_limit
	guests=$((guests + 1))
	dir=$logs/vm-$job.$guests
	mkdir -p "$dir"
	for i in "${pending[@]}"; do
		printf '%03d\t%s\t%s\n' "$((i + 1))" "${limits[i]}" "${commands[i]}" >>"$dir/plan"
		total=$((total + limits[i] + grace))
	done
	vm_limit=$((total * 20))
	echo "$guest" >"$dir/guest"
}

# tell_patience DIR: to the guest
tell_patience() {
	local before=$patience
	be_patient
	[[ -e $1/patience && $patience == "$before" ]] || echo "$patience" >"$1/patience"
}

# Follows the guest; sets running (index of a test without an end, or empty), since (its start), ended (finished,
# replace or empty), hung, and boots
follow_vm() {
	local dir=$1 line begun='' from=$SECONDS limit=$boot_limit got
	running='' since=$SECONDS ended='' hung='' boots=0
	while :; do
		got=0
		tell_patience "$dir"
		read -rt 2 -u "$stream" line || got=$? # no longer, for bash heeds a signal only afterwards
		((got == 0 || got > 128)) || return 0
		begun+=$line
		if ((got)); then
			out_of_time "$from" "$limit" || continue
			hung=1
			return 0
		fi
		line=${begun%$'\r'} begun=''
		printf '%s\n' "$line" >>"$dir/stream.log"
		[[ $line != "@@ "* ]] || from=$SECONDS
		case $line in
		*"waiting until fewer guests run"*) limit=7200 ;; # tools/vm/run; the others have limits too
		"@@ boot "*)
			boots=$((boots + 1))
			limit=$boot_limit
			;;
		"@@ start "*)
			running=$((10#${line##* } - 1))
			since=$SECONDS
			limit=$((limits[running] + grace))
			;;
		"@@ end "*)
			report_files "$running" "$dir/${line##* }" $((SECONDS - since))
			running=''
			limit=$grace
			;;
		"@@ finished" | "@@ replace") ended=${line#@@ } ;;
		esac
	done
}

# judge_vm DIR: how it ended, for the test that was running or else for the group
judge_vm() {
	local dir=$1 status reason
	status=$(cat "$dir/status" 2>/dev/null || echo killed)
	if [[ $hung ]]; then
		reason="the guest hung"
	elif ((boots > 1)); then
		reason="the guest booted $boots times"
	else
		reason="the guest died (tools/vm/run: status $status)"
	fi
	if [[ $running ]]; then
		report "$running" "fail $reason while this test ran" $((SECONDS - since)) diagnose_vm "$dir"
	elif [[ $ended == finished && $status != 0 || $boots != 1 || ! $ended ]]; then
		job_verdict="fail ${reason/died/ended badly}; see $dir/"
		diagnose_vm "$dir"
	fi
}

diagnose_vm() {
	local dir=$1
	first_splat "$dir/console.log" 2>/dev/null >"$dir/splats.log"
	diagnose "$dir/splats.log" 60
	[[ -s $dir/splats.log ]] || diagnose "$dir/console.log" 20
	grep -v '^@@' "$dir/stream.log" 2>/dev/null >"$dir/said.log"
	diagnose "$dir/said.log" 10
	[[ ! $running ]] || diagnose "$dir/$(printf %03d $((running + 1))).out" 15
	echo "#   log: $dir/"
}

# still_pending: what this guest has left undone, for the next one, if it has done something; nothing can be taken over
# from it any more
still_pending() {
	local i left=() taken
	: >"$dir/closed"
	for i in "${pending[@]}"; do
		taken=''
		{ read -r taken <"$dir/$(printf %03d $((i + 1))).taken"; } 2>/dev/null
		[[ ${verdicts[i]:-} || $taken == over ]] || left+=("$i")
	done
	pending=("${left[@]}")
	((${#pending[@]} == 0 || ${#pending[@]} == before)) || plan_vm
}

# one_vm: boots the guest that is planned; false if not even one test has got a verdict
one_vm() {
	local before=${#pending[@]} stream running since ended hung boots machine=${groups[guest]}
	tell_patience "$dir"
	echo "# guest $job.$guests: ${machine/|/ } kernel, $before tests$( ((patience == 1)) || echo ", limits x $patience, or more later")"
	start_vm "$machine" "$dir" "$vm_limit"
	follow_vm "$dir"
	[[ ! $hung ]] || kill_vm
	exec {stream}<&-
	for _ in {1..100}; do # the stream ends a moment before the status is written
		[[ ! -s $dir/status && ! $hung ]] || break
		sleep 0.1
	done
	vm_group=
	judge_vm "$dir"
	locked still_pending
	((${#pending[@]} < before))
}

# run_job: the one that was taken, in as many guests as it takes; how they fared goes to a file
run_job() {
	local i job_verdict=pass
	while ((${#pending[@]})); do
		one_vm || {
			[[ $job_verdict == fail* ]] || job_verdict="fail a guest ended without running a test"
			break
		}
	done
	for i in "${pending[@]}"; do
		report "$i" "fail never ran: no guest" 0
	done
	echo "$job_verdict" >>"$logs/guests-$guest"
}

# Workers take jobs from one list, under a lock: at first each group is one job. When none is left, a worker takes over
# half of what another worker's guest has not begun yet, in a guest of its own. So all have something to do until the
# end, whatever the tests take. $logs/jobs has a line for each job that was begun: the index of its guest.

# run_jobs WORKER: the tests of the host that boot guests come first
run_jobs() {
	local job guest pending guests dir vm_limit
	(($1)) || run_host_tests kernel
	while locked take_job; do
		run_job
	done
}

# locked COMMAND…: no other worker looks at jobs or at what there is to take over meanwhile
locked() {
	local lock status=0
	exec {lock}>>"$logs/jobs.lock"
	flock "$lock"
	"$@" || status=$?
	exec {lock}>&-
	return "$status"
}

# take_job: sets job, its number; guest, the index of its guests; and pending, its tests; and plans the first guest
take_job() {
	job=$(($(wc -l <"$logs/jobs") + 1))
	if ((job <= ${#job_list[@]})); then
		read -ra pending <<<"${job_list[job - 1]}"
		guest=${pending[0]}
		pending=("${pending[@]:1}")
	else
		take_over || return 1
	fi
	echo "$guest" >>"$logs/jobs"
	guests=0
	plan_vm
}

# take_over: from the guest with the most left to do, if that is worth another boot
take_over() {
	local from id limit sum ids most=600 last=() most_from=''
	for from in "$logs"/vm-*/; do
		[[ -f $from/plan && ! -e $from/closed ]] || continue
		sum=0 ids=()
		while IFS=$'\t' read -r id limit _; do
			[[ -e $from/$id.taken ]] || { ids+=("$id") && sum=$((sum + limit)); }
		done <"$from/plan"
		((sum < most)) || most=$sum most_from=$from last=("${ids[@]:(${#ids[@]} + 1) / 2}")
	done
	[[ $most_from ]] || return 1
	guest=$(<"$most_from/guest") pending=()
	for id in "${last[@]}"; do
		# the guest takes them in the same way, see guest-batch
		! (set -C && echo over >"$most_from/$id.taken") 2>/dev/null || pending+=($((10#$id - 1)))
	done
	((${#pending[@]}))
}

# list_jobs GUEST-INDEX…: sets job_list, of one for each group, as a guest's index and those of its tests; those that take
# long come first
list_jobs() {
	local guest i members sum
	mapfile -t job_list < <(for guest in "$@"; do
		members='' sum=0
		for i in "${!kinds[@]}"; do
			[[ ${kinds[i]} == vm && ${groups[i]} == "${groups[guest]}" && ! ${verdicts[i]:-} ]] || continue
			members+=" $i"
			sum=$((sum + limits[i]))
		done
		echo "$sum $guest$members"
	done | sort -srn -k 1,1 | cut -d ' ' -f 2-)
}

# run_guests GUEST-INDEX…: of the groups to run
run_guests() {
	local guest n begin=$SECONDS job_list=() verdict begun
	list_jobs "$@"
	: >"$logs/jobs"
	for ((n = 0; n < jobs; n++)); do
		worker run_jobs "$n" &
		workers+=($!)
	done
	wait_for_workers
	for guest in "$@"; do
		begun=$(grep -cx "$guest" "$logs/jobs")
		verdict=$(grep -m 1 '^fail' "$logs/guests-$guest") || verdict=pass
		[[ $verdict == fail* || $begun -gt 0 && $(wc -l <"$logs/guests-$guest") == "$begun" ]] || verdict="fail a worker died"
		report "$guest" "$verdict" $((SECONDS - begin))
	done
}
