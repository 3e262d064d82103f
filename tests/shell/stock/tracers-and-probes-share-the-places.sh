#!/bin/bash
# kernel: stock-6.12
# disks: virtio-blk (one guest for all that run on this kernel)
# timeout: 300
# Given a raw partition under load, on Debian's kernel as it is
# When the function tracer and kprobes come and go at the very functions where the hook is, before it comes and while it
#   is there, and it comes and goes while they are there
# Then no I/O fails, each sees the function called, and all the I/O goes through the interposer while there is one
. tests/lib/test.sh
requires_target delay

tracing=/sys/kernel/tracing
in_queue=bio_integrity_prep
[[ $(uname -r) != 7.* ]] || in_queue=blk_mq_submit_bio
places=("$in_queue" blk_mq_submit_bio submit_bio_noacct submit_bio_noacct_nocheck dm_submit_bio bio_chain)

tracers_off() {
	echo nop >"$tracing/current_tracer"
	echo >"$tracing/set_ftrace_filter"
	[[ ! -d $tracing/events/kprobes ]] || echo 0 >"$tracing/events/kprobes/enable"
	echo >"$tracing/kprobe_events"
	echo >"$tracing/trace"
}

tracers_on() {
	printf '%s\n' "${places[@]}" >"$tracing/set_ftrace_filter"
	echo function >"$tracing/current_tracer"
	printf 'p:%s %s\n' "here$1" "$in_queue" "there$1" "submit_bio_noacct" >"$tracing/kprobe_events"
	echo 1 >"$tracing/events/kprobes/enable"
}

# seen WORD…: each is in the trace within a while
seen() {
	local word
	for word; do
		wait_until "$word is seen" 30 grep -qm1 -- "$word" "$tracing/trace"
	done
}

dev=$(partition "$(scratch a)" 128)
modprobe dm-interpose
cleanup tracers_off
fio_verify_start load "$dev"
tracers_on 1
seen "$in_queue <-" "here1:"
# through device-mapper, which linear's I/O does not take
interpose x "$dev" delay "$dev" 0 0 >"$T_DIR/node"
wait_redirected x 20
echo >"$tracing/trace"
seen "$in_queue <-" "blk_mq_submit_bio <-" "dm_submit_bio <-" "there1:"
tracers_off
wait_redirected x 20
for round in 2 3; do
	tracers_on "$round"
	seen "dm_submit_bio <-" "here$round:"
	wait_redirected x 20
	tracers_off
done
tracers_on 4
dmsetup remove "$P-x"
echo >"$tracing/trace"
seen "$in_queue <-" "there4:"
tracers_off
fio_verify_stop load
test_done
