#!/bin/bash
# tier: full
# timeout: 200
# Given a raw partition interposed with log-writes, and two processes that each write block after block with O_DSYNC
# When the interposer is suspended and resumed all the time, with and without flush
# Then the log has each process's blocks in the order of its writes, every one of them with FUA and with a flush after
#   it before the next one
. tests/lib/test.sh
requires_target log-writes
requires awk

more_written() {
	fio_gone load || has_redirected x $((suspends * 40))
}

dev=$(partition "$(scratch a)" 64)
log=$(scratch b)
interpose x "$dev" log-writes "$dev" "$log"
fio_verify_job load "$dev" --rw=write --verify=0 --ioengine=psync --iodepth=1 --sync=dsync --size=2M --numjobs=2 \
	--offset_increment=2M --nice=19 --rate_iops=60
suspends=0
while fio_running load; do
	wait_until "more is written, or all" 30 more_written
	dmsetup suspend "$P-x"
	dmsetup resume "$P-x"
	dmsetup suspend --noflush --nolockfs "$P-x"
	dmsetup resume "$P-x"
	suspends=$((suspends + 2))
done
fio_verify_wait load
dmsetup remove "$P-x"
((suspends >= 6)) || fail "only $suspends suspends while it was written to: the test is too weak"

"$(program log-replay)" list "$log" >"$T_DIR/list"
# a job is half of the first 4 MiB, 8192 sectors; which job's flush it is does not show
awk '
	$4 ~ /k/ { next }
	$3 == 0 && $4 ~ /f/ { flushes++; unflushed[0] = unflushed[1] = 0; next }
	$3 != 8 || $2 >= 8192 { print "what is this: " $0; next }
	{
		job = int($2 / 4096)
		if ($4 !~ /u/)
			print "without FUA: " $0
		if ($2 != job * 4096 + 8 * written[job]++)
			print "out of order: " $0
		if (unflushed[job]++)
			print "the one before was not flushed: " $0
	}
	END {
		if (flushes < 1024)
			print "only " flushes + 0 " flushes"
		if (written[0] != 512 || written[1] != 512)
			print written[0] + 0 " and " written[1] + 0 " writes, not 512 each"
	}' "$T_DIR/list" >"$T_DIR/wrong"
[[ ! -s $T_DIR/wrong ]] || {
	head -n 20 "$T_DIR/wrong" >&2
	fail "the log is not in order: $(head -n 1 "$T_DIR/wrong")"
}
test_done
