#!/bin/bash
# tier: full
# timeout: 900
# Given two mounted ext4
# When interposectl makes snapshots of both, and before each step between the first suspend and the last resume its first
#   process is stopped, or the one that does the step is stopped or killed, and one that has suspended all is resumed by
#   somebody else
# Then the file systems take writes within a minute, and "recover" does not wait for ever for who is stopped; let go on,
#   it ends, and says that it has made the snapshots, or that it has failed and leaves nothing behind; of snapshots that
#   are not of one instant it says the latter
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot

export COUNT=worker

# goes_wrong WHO SIGNAL N: at that step. False: there are fewer steps
goes_wrong() {
	local pid status=0 limit=100
	[[ $1$2 != workerSTOP ]] || limit=4
	note "$1 gets $2 before step $3"
	WHO=$1 SIGNAL=$(kill -l "$2") KILL_AT=$3 "$INTERPOSECTL-killed" -q snapshot --timeout $limit --name "$P-snap" --size 8M \
		--ram "$at" "$two_at" >"$T_DIR/said" 2>&1 &
	pid=$!
	[[ $1 == worker ]] || wait_until "it is stopped, or has ended" 60 stopped_or_gone "$pid"
	take_writes "$at" "$two_at"
	if [[ $1$3 == first1 ]]; then
		interposectl_status 1 recover
		says "another interposectl, process $pid, does not end"
	fi
	kill -CONT "$pid" 2>/dev/null || true
	wait "$pid" || status=$?
	note "status $status: $(<"$T_DIR/said")"
	((status == 0 || status == 1)) || fail "status $status"
	take_writes "$at" "$two_at"
	if ((status == 0)); then
		interposectl_status 0 snapshot --remove "$P-snap"
	else
		[[ -s $T_DIR/said ]] || fail "it does not say why it has failed"
	fi
	interposectl_status 0 recover
	equal "mapped devices" "" "$(dmsetup ls | grep -v '^No devices found' || true)"
	equal "records" "" "$(ls /run/interposectl)"
	[[ $1 == first || $status == 1 ]]
}

stopped_or_gone() {
	[[ ! -e /proc/$1 || $(<"/proc/$1/stat") =~ \)\ [TZ]\  ]]
}

interposectl_cleans
dev=$(partition "$(scratch a)" 48 48)
two=${dev%1}2
at=$(mkfs_mounted ext4 "$dev") two_at=$(mkfs_mounted ext4 "$two")
for ((n = 1; ; n++)); do
	goes_wrong worker KILL "$n" || break
done
((n > 6)) || fail "only $n steps: the test is broken"
for ((i = 1; i < n; i++)); do
	goes_wrong worker STOP "$i"
	grep -q "given up after 4 seconds" "$T_DIR/said" || fail "not said: $(<"$T_DIR/said")"
done
for ((i = 1; i < n; i += 2)); do
	goes_wrong first STOP "$i"
done

# Somebody else resumes
echo "dmsetup resume interpose-${dev##*/} 2>/dev/null || true" >"$T_DIR/resumes"
status=0
RUN="sh $T_DIR/resumes" "$INTERPOSECTL-killed" -q snapshot --name "$P-snap" --size 8M --ram "$at" "$two_at" \
	>"$T_DIR/said" 2>&1 || status=$?
equal "status" 1 "$status"
grep -q "somebody else resumed interpose-${dev##*/}" "$T_DIR/said" || fail "not said: $(<"$T_DIR/said")"
umount "$at" "$two_at"
fsck_clean "$dev"
fsck_clean "$two"
test_done
