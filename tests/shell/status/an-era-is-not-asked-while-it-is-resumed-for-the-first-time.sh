#!/bin/bash
# timeout: 60
# Given an interposer with era, which is about to write its first metadata in its first resume
# When it is asked for its status and gets a message before it has done so
# Then neither reaches era, whose worker would commit the same metadata at the same time; afterwards both do
. tests/lib/test.sh
requires_target interpose era
requires_module delay-step
cleanup rmmod delay-step

step=/sys/module/delay_step/parameters/step
dev=$(partition "$(scratch a)" 64)
size=$(sectors "$dev")
meta=$(scratch b)

resume_waits() {
	[[ $(<"$step") == 1 ]]
}

echo dm_array_resize >"$step"
dm_create x "0 $size interpose $dev era $meta $dev 128" >"$T_DIR/node" &
create=$!
wait_until "era is resumed for the first time" 30 resume_waits
status=$(in_time 30 dmsetup status "$P-x")
[[ $status =~ \ -\ era\ *$ ]] || fail "the status has more than the seven fields: $status"
expect_error 'try again' EAGAIN -- in_time 30 dmsetup message "$P-x" 0 checkpoint
echo >"$step"
wait "$create"
status=$(dmsetup status "$P-x")
[[ $status =~ \ -\ era\ 8\ [0-9]+/[0-9]+\ [0-9]+\ -$ ]] || fail "no status of era: $status"
dmsetup message "$P-x" 0 checkpoint
dmsetup remove "$P-x"
test_done
