# shellcheck shell=bash
# Runs one test in a process group of its own, and judges it. The guest and the host share this file; the guest
# adds checks of what only a kernel that may be broken can show (leaks, taint, kernel log).
#
#   run_one TEST-FILE SECONDS OUT-PREFIX [ARG…]		(the limit is for an idle machine)
#
# writes OUT-PREFIX.out (what the test printed) and OUT-PREFIX.verdict: "pass", "skip REASON" or "fail REASON",
# then details. The verdict exists from the beginning and says "fail", so whatever dies, it is a failure.

# The guest's /run is a tmpfs, its /tmp lies on the overlay over the host's root
scratch_dir=${IN_GUEST:+/run}
scratch_dir=${scratch_dir:-/tmp}

# shellcheck source=tests/lib/patience.sh
. tests/lib/patience.sh

group= # of the processes of the running test
state= # of the guest, when the last test had ended: what the next one begins with

# Where a stuck test stands is lost with the guest, so it is written down first.
describe_hang() {
	local group=$1 stack
	echo "--- processes of the test"
	ps -o pid,stat,wchan:30,args --ppid "$group" -p "$group" --no-headers
	for stack in $(pgrep -g "$group"); do
		[[ ! -r /proc/$stack/stack ]] || sed "s/^/[$stack] /" "/proc/$stack/stack"
	done 2>/dev/null
	[[ -z ${IN_GUEST:-} ]] || {
		echo "--- device-mapper"
		timeout 5 dmsetup status --noflush
		echo "--- blocked tasks (sysrq w)"
		echo w >/proc/sysrq-trigger
		sleep 1
		dmesg | sed -n '/sysrq: Show Blocked/,$p' | head -n 150
	}
}

kill_group() {
	kill -TERM -- "-$1" 2>/dev/null || return 0
	read -rt 3 -u "$end" || true # a sleep that needs no process
	kill -KILL -- "-$1" 2>/dev/null || true
}

# run_with_limit FILE SECONDS OUT [ARG…]: sets $status to the exit status, or "timeout". The status comes through a
# pipe and not by wait, which would wait for ever for a process that hangs inside the kernel. Seconds in which a guest of
# the test waits for its turn do not count: tools/vm/run writes a dot for each to $T_QUEUED.
run_with_limit() {
	local file=$1 since=$SECONDS limit=$2 out=$3 end queued='' begun='' part
	shift 3
	: >"$out.queued"
	exec {end}<> <(:)
	set -m
	{
		T_QUEUED=$(realpath "$out.queued") bash "$file" "$@" </dev/null {end}>&-
		echo $? >&"$end"
	} >"$out" 2>&1 &
	group=$!
	set +m
	status=timeout
	until out_of_time "$((since + ${#queued}))" "$limit"; do # bash heeds a signal only after the read
		if read -rt 2 -u "$end" part; then
			status=$begun$part
			break
		fi
		begun+=$part # the read may end in the middle
		queued=$(<"$out.queued")
	done
	if [[ $status == timeout ]]; then
		describe_hang "$group" >>"$out" 2>&1
		kill_group "$group"
	fi
	exec {end}>&-
}

describe_status() {
	local status=$1 said=$2
	if [[ $status == timeout ]]; then
		echo "fail timed out"
	elif ((status > 128)); then
		echo "fail killed by signal SIG$(kill -l "$status" 2>/dev/null)"
	elif [[ $said == skip* ]]; then
		echo "$said"
	elif ((status != 0)); then
		said=${said#fail }
		echo "fail ${said:-exit status $status}"
	elif [[ $said != "done" ]]; then
		echo "fail ended early: the test never reached test_done"
	else
		echo pass
	fi
}

# Says "fail REASON" over whatever stands in $verdict, keeping the first reason
fail_verdict() {
	[[ $verdict == fail* ]] || verdict="fail $1"
}

# Everything that the log says since the test's mark, into $log and a file. It is cleared for the next test; the
# console has all of it.
keep_kernel_log() {
	log=$(dmesg --read-clear)
	[[ $log == *"$T_LOG_MARK"* ]] || fail_verdict "the kernel log has overflowed"
	log=${log#*"$T_LOG_MARK"} # there is one mark; with ## bash takes a second for 20 KiB, and hours for a megabyte
	printf '%s\n' "$log" >"$1"
}

check_kernel_log() {
	local prefix=$1 found log
	keep_kernel_log "$prefix.dmesg"
	[[ $log =~ $SPLATS|$IO_COMPLAINTS ]] || return 0
	found=$(find_splats "$prefix.dmesg")
	[[ ${found%%$'\n'*} != *'-[ cut here ]-'* ]] || found=${found#*$'\n'} # the line that follows says more
	if [[ $found ]]; then
		details+="$(first_splat "$prefix.dmesg")"$'\n'
		fail_verdict "kernel log: ${found%%$'\n'*}"
	fi
	found=$(find_io_complaints "$T_DIR/.expects-dmesg" <"$prefix.dmesg")
	if [[ $found ]]; then
		details+="$found"$'\n'
		fail_verdict "unexpected in the kernel log: ${found%%$'\n'*}"
	fi
}

check_guest() {
	local prefix=$1 found
	leaks "$T_DIR/.before" # first, for it waits for what the kernel does late, and may complain about
	check_kernel_log "$prefix"
	if [[ $found ]]; then
		details+="$found"$'\n'
		fail_verdict "leak: ${found%%$'\n'*}"
	fi
}

# On the host there are other people's processes; only the test's own group can be asked after
check_host() {
	local left since=$SECONDS
	until out_of_time "$since" 3; do # the test's own shell takes a moment to go
		left=$(pgrep -r D,R,S,T,t -lg "$group") || return 0 # no zombies: bash may reap its child a second late
		sleep 0.1
	done
	details+="left behind: $left"$'\n'
	fail_verdict "leak: process ${left%%$'\n'*}"
	kill -KILL -- "-$group" 2>/dev/null || true
}

run_one() {
	local file=$1 limit=$2 prefix=$3 status verdict said='' details=''
	shift 3
	echo "fail died without a verdict" >"$prefix.verdict"
	export T_DIR=$scratch_dir/dm-interpose-test.$$.${prefix##*/}
	mkdir -p "$T_DIR"
	: >"$T_DIR/.expects-dmesg"
	if [[ ${IN_GUEST:-} ]]; then
		export T_LOG_MARK="dm-interpose test ${prefix##*/} begins $RANDOM$RANDOM"
		echo "$T_LOG_MARK" >/dev/kmsg
		[[ $state ]] || state=$(snapshot)
		printf '%s\n' "$state" >"$T_DIR/.before"
	fi
	run_with_limit "$file" "$limit" "$prefix.out" "$@"
	[[ ! -r $T_DIR/.verdict ]] || said=$(<"$T_DIR/.verdict")
	verdict=$(describe_status "$status" "$said")
	[[ $verdict != "fail timed out" ]] || verdict+=" after $((limit * patience)) s"
	if [[ ${IN_GUEST:-} ]]; then
		check_guest "$prefix"
	else
		check_host
		group=
		rm -rf --one-file-system "$T_DIR"
	fi
	printf '%s\n%s' "$verdict" "$details" >"$prefix.verdict"
	[[ $verdict != fail* ]]
}
