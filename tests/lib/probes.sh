# shellcheck shell=bash
# How often functions of the kernel are called, by kprobes. Source it after test.sh.

tracing=/sys/kernel/tracing

# probes FUNCTION…: from now on their calls are recorded
probes() {
	local function
	[[ -e $tracing/kprobe_events ]] || unmet "the kernel has no kprobe events"
	cleanup probes_remove "$@"
	for function; do
		echo "p:$function $function" >>"$tracing/kprobe_events"
		echo 1 >"$tracing/events/kprobes/$function/enable"
	done
}

probes_remove() {
	local function
	for function; do
		[[ ! -d $tracing/events/kprobes/$function ]] || {
			echo 0 >"$tracing/events/kprobes/$function/enable"
			echo "-:$function" >>"$tracing/kprobe_events"
		}
	done
	: >"$tracing/trace"
}

# probes_clear: calls are counted from here
probes_clear() {
	: >"$tracing/trace"
}

# calls FUNCTION: how often it has been called since
calls() {
	grep -c " $1: " "$tracing/trace" || true
}
