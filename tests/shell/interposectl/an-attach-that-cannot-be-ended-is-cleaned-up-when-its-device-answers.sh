#!/bin/bash
# tier: full
# timeout: 300
# Given a mounted ext4, and a device for era's metadata that does not complete writes
# When interposectl attaches it, and is interrupted
# Then the process that waits in the kernel cannot be ended, which it says, as "recover" does; nothing is frozen; when
#   the device answers, "recover" cleans up, and an attach works
. tests/lib/test.sh
. tests/lib/interposectl.sh
. tests/lib/kill.sh
requires_target delay era

# does_not_answer: writes wait for an hour, or until "slow" is suspended
does_not_answer() {
	dm_reload slow "0 $(sectors "$store") delay $store 0 0 $store 0 3600000"
}

answers() {
	dm_reload slow "0 $(sectors "$store") linear $store 0"
}

waits_for_writes() {
	child=$(pgrep -P "$pid") && [[ $(<"/proc/$child/stack") == *dm_bufio* ]]
}

interposectl_cleans
store=$(partition "$(scratch b)" 16)
slow=$(linear_create slow "$store")
dev=$(partition "$(scratch a)" 64)
at=$(mkfs_mounted ext4 "$dev")
cleanup answers
does_not_answer

begin "$INTERPOSECTL" attach --timeout 5 --name "$P-x" "$dev" era "$slow" "$dev" 128
wait_until "the metadata is waited for" 60 waits_for_writes
take_writes "$at"
kill -INT "$pid"
status=0
wait "$pid" || status=$?
said=$(<"$T_DIR/begun.log")
note "$said"
equal "status of the interrupted command" 1 "$status"
says "a process of 'attach-$P-x' waits in the kernel for that device, and cannot be ended" "interposectl recover"
for ((i = 0; i < 2; i++)); do
	interposectl_status 1 recover
	says "a process of that command waits in the kernel"
	take_writes "$at"
done

answers
wait_until "it has ended" 60 is_gone "$child"
interposectl_status 0 recover
says "'attach-$P-x' was not completed, and is undone"
equal "mapped devices" "$P-slow" "$(dmsetup ls | cut -f1)"
equal "records" "" "$(ls /run/interposectl)"
interposectl_status 0 attach --timeout 600 --name "$P-x" "$dev" era "$slow" "$dev" 128
take_writes "$at"
interposectl_status 0 detach "$P-x"
umount "$at"
fsck_clean "$dev"
test_done
