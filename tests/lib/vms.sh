# shellcheck shell=bash
# Runs the tests of one group (same kernel, same options of tools/vm/run) in one guest after the other: a guest
# serves until a test has left it in disorder, has killed it or hangs in it.

vm_run=${DM_INTERPOSE_VM_RUN:-tools/vm/run}
boot_limit=${DM_INTERPOSE_BOOT_LIMIT:-120}
grace=60 # past a test's own limit, for the guest to write down where it hangs
vm_count=0
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

# On a machine that is busy with other things everything takes longer: all limits are multiplied by this. A guest
# alone is a load of two.
patience() {
	local load _
	read -r load _ </proc/loadavg
	echo "${DM_INTERPOSE_PATIENCE:-$((1 + ${load%.*} / (2 * $(nproc))))}"
}

# start_vm GROUP DIR SECONDS: opens $stream, whose lines are the guest's output
start_vm() {
	local kernel=${1%%|*} dir=$2 limit=$3 options
	eval "options=(${1#*|})" # our own header lines, quoted as in a shell
	# shellcheck disable=SC2016
	exec {stream}< <(exec setsid bash -c 'echo $$ >"$0/pid"; "$@" 2>&1; echo $? >"$0/status"' "$dir" \
		"$vm_run" --no-build --kernel "$kernel" --timeout "$limit" --share "$dir" --console "$dir/console.log" \
		--env T_PATIENCE="$factor" \
		"${options[@]}" \
		-- tests/lib/guest-batch /share </dev/null)
	until [[ -s $dir/pid ]]; do
		sleep 0.05
	done
	vm_group=$(<"$dir/pid")
}

write_vm_plan() {
	local dir=$1 i total=$((boot_limit * factor))
	for i in "${pending[@]}"; do
		printf '%03d\t%s\t%s\n' "$((i + 1))" "$((limits[i] * factor))" "${commands[i]}" >>"$dir/plan"
		total=$((total + (limits[i] + grace) * factor))
	done
	vm_limit=$total
}

# Follows the guest; sets running (index of a test without an end, or empty), since (its start), ended (finished, replace or empty),
# hung, and boots
follow_vm() {
	local dir=$1 line until=$((SECONDS + boot_limit * factor)) got
	running='' since=$SECONDS ended='' hung='' boots=0
	while :; do
		got=0
		read -rt 2 -u "$stream" line || got=$? # no longer, for bash heeds a signal only afterwards
		((got == 0 || got > 128)) || return 0
		if ((got)); then
			((SECONDS < until)) && continue
			hung=1
			return 0
		fi
		line=${line%$'\r'}
		printf '%s\n' "$line" >>"$dir/stream.log"
		case $line in
		"@@ boot "*) boots=$((boots + 1)) ;;
		"@@ start "*)
			running=$((10#${line##* } - 1))
			since=$SECONDS
			until=$((SECONDS + (limits[running] + grace) * factor))
			;;
		"@@ end "*)
			report_files "$running" "$dir/${line##* }" $((SECONDS - since))
			running=''
			until=$((SECONDS + grace * factor))
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
		report "$running" "fail $reason while this test ran" $((SECONDS - since))
	elif [[ $ended == finished && $status != 0 || $boots != 1 || ! $ended ]]; then
		group_verdict="fail ${reason/died/ended badly}"
	else
		return 0
	fi
	grep -aE -m 1 -A 50 -- "$SPLATS" "$dir/console.log" 2>/dev/null >"$dir/splats.log"
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
	local dir before=${#pending[@]} factor stream vm_limit running since ended hung boots
	vm_count=$((vm_count + 1))
	dir=$logs/vm-$vm_count
	mkdir -p "$dir"
	factor=$(patience)
	write_vm_plan "$dir"
	echo "# guest $vm_count: ${1/|/ } kernel, $before tests$( ((factor == 1)) || echo ", limits x $factor")"
	start_vm "$1" "$dir" "$vm_limit"
	follow_vm "$dir"
	[[ ! $hung ]] || kill_vm
	exec {stream}<&-
	for _ in 1 2 3 4 5 6 7 8 9 10; do # the stream ends a moment before the status is written
		[[ ! -s $dir/status && ! $hung ]] || break
		sleep 0.1
	done
	vm_group=
	judge_vm "$dir"
	still_pending
	((${#pending[@]} < before))
}

# run_group GROUP
run_group() {
	local group=$1 i pending=() guest='' group_verdict=pass begin=$SECONDS
	for i in "${!kinds[@]}"; do
		[[ ${groups[i]} == "$group" ]] || continue
		case ${kinds[i]} in
		vm) pending+=("$i") ;;
		guest) guest=$i ;;
		esac
	done
	while ((${#pending[@]})); do
		one_vm "$group" || {
			[[ $group_verdict == fail* ]] || group_verdict="fail a guest ended without running a test"
			break
		}
	done
	for i in "${pending[@]}"; do
		report "$i" "fail never ran: no guest" 0
	done
	report "$guest" "$group_verdict" $((SECONDS - begin))
}
