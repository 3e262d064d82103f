# shellcheck shell=bash
# The kernel's trace of its block layer. Source it after test.sh.

tracing=/sys/kernel/tracing
if [[ ! -d $tracing/events ]]; then
	cleanup unmount_if_there "$tracing"
	mount -t tracefs none "$tracing"
fi
[[ -d $tracing/events/block ]] || unmet "the kernel has no trace events of the block layer"

# trace_events EVENT…: the trace is empty, and has these events from now on
trace_events() {
	local event
	cleanup trace_end "$@"
	: >"$tracing/trace"
	for event; do
		echo 1 >"$tracing/events/block/$event/enable"
	done
}

# trace_stop EVENT…: the trace stays as it is
trace_stop() {
	local event
	for event; do
		echo 0 >"$tracing/events/block/$event/enable"
	done
}

trace_end() {
	trace_stop "$@"
	: >"$tracing/trace"
}
