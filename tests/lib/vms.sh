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
		"${options[@]}" \
		-- tests/lib/guest-batch /share </dev/null)
	until [[ -s $dir/pid ]]; do
		sleep 0.05
	done
	vm_group=$(<"$dir/pid")
}

# The guest's own limit is a last resort: whether it hangs is seen here
write_vm_plan() {
	local dir=$1 i total=$boot_limit
	for i in "${pending[@]}"; do
		printf '%03d\t%s\t%s\n' "$((i + 1))" "${limits[i]}" "${commands[i]}" >>"$dir/plan"
		total=$((total + limits[i] + grace))
	done
	vm_limit=$((total * 20))
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

still_pending() {
	local i left=()
	for i in "${pending[@]}"; do
		[[ ${verdicts[i]:-} ]] || left+=("$i")
	done
	pending=("${left[@]}")
}

# one_vm GROUP: boots a guest for what is pending; false if not even one test has got a verdict
one_vm() {
	local dir before=${#pending[@]} stream vm_limit running since ended hung boots
	guests=$((guests + 1))
	dir=$logs/vm-$job.$guests
	mkdir -p "$dir"
	tell_patience "$dir"
	write_vm_plan "$dir"
	echo "# guest $job.$guests: ${1/|/ } kernel, $before tests$( ((patience == 1)) || echo ", limits x $patience, or more later")"
	start_vm "$1" "$dir" "$vm_limit"
	follow_vm "$dir"
	[[ ! $hung ]] || kill_vm
	exec {stream}<&-
	for _ in {1..100}; do # the stream ends a moment before the status is written
		[[ ! -s $dir/status && ! $hung ]] || break
		sleep 0.1
	done
	vm_group=
	judge_vm "$dir"
	still_pending
	((${#pending[@]} < before))
}

# run_job JOB GUEST-INDEX TEST-INDEX…: these tests, in as many guests as it takes; how the guests fared goes to a file
run_job() {
	local job=$1 guest=$2 group=${groups[$2]} guests=0 i pending=("${@:3}") job_verdict=pass
	while ((${#pending[@]})); do
		one_vm "$group" || {
			[[ $job_verdict == fail* ]] || job_verdict="fail a guest ended without running a test"
			break
		}
	done
	for i in "${pending[@]}"; do
		report "$i" "fail never ran: no guest" 0
	done
	echo "$job_verdict" >>"$logs/guests-$guest"
}

# add_jobs GUEST-INDEX: gives a group's tests to the workers. A group that may take long fills one worker after the other
# up to its share, for each part costs a boot; any other goes to the worker with the least to do.
add_jobs() {
	local guest=$1 i n worker='' list='' tests=() sum=0
	for i in "${!kinds[@]}"; do
		[[ ${kinds[i]} == vm && ${groups[i]} == "${groups[guest]}" ]] || continue
		tests+=("$i")
		sum=$((sum + limits[i]))
	done
	for i in "${tests[@]}"; do
		if [[ ! $worker ]] || ((sum >= 960 && loads[worker] >= share)); then
			least_loaded
			[[ ! $list || $n == "$worker" ]] || add_job
			worker=$n
		fi
		list+=" $i"
		loads[worker]=$((loads[worker] + limits[i]))
	done
	add_job
}

# add_job: of the variables of add_jobs
add_job() {
	job_list+=("$guest$list")
	job_workers+=("$worker")
	list=''
}

# least_loaded: sets n to that worker
least_loaded() {
	local i
	n=0
	for ((i = 1; i < jobs; i++)); do
		((loads[i] >= loads[n])) || n=$i
	done
}

# run_jobs WORKER: its jobs; the tests of the host that boot guests come first
run_jobs() {
	local job words
	(($1)) || run_host_tests kernel
	for job in "${!job_list[@]}"; do
		[[ ${job_workers[job]} == "$1" ]] || continue
		read -ra words <<<"${job_list[job]}"
		run_job $((job + 1)) "${words[@]}"
	done
}

# limits_of KIND: of all tests of the host that boot guests, or of those in guests
limits_of() {
	local i sum=0
	for i in "${!kinds[@]}"; do
		[[ ${kinds[i]} != "$1" || ${groups[i]} == "|"* ]] || sum=$((sum + limits[i]))
	done
	echo "$sum"
}

# run_guests GUEST-INDEX…: of the groups to run
run_guests() {
	local guest n begin=$SECONDS job_list=() job_workers=() loads=() share verdict wanted
	for ((n = 0; n < jobs; n++)); do
		loads[n]=0
	done
	loads[0]=$(limits_of host) # the first worker has something to do before
	share=$(((loads[0] + $(limits_of vm)) / jobs + 1))
	for guest in "$@"; do
		add_jobs "$guest"
	done
	for ((n = 0; n < jobs; n++)); do
		worker run_jobs "$n" &
		workers+=($!)
	done
	wait_for_workers
	for guest in "$@"; do
		wanted=$(printf '%s\n' "${job_list[@]}" | grep -c "^$guest ")
		verdict=$(grep -m 1 '^fail' "$logs/guests-$guest") || verdict=pass
		[[ $verdict == fail* || $(wc -l <"$logs/guests-$guest") == "$wanted" ]] || verdict="fail a worker died"
		report "$guest" "$verdict" $((SECONDS - begin))
	done
}
