#!/bin/bash
# timeout: 60
# Given a kernel into which dm-interpose has not been loaded
# When the first table with an interpose line comes
# Then the kernel loads the module, and the interposer works
. tests/lib/test.sh

! grep -q '^dm_interpose ' /proc/modules || modprobe -r dm-interpose
dev=$(scratch a)
[[ ! -e /sys/module/dm_interpose ]] || fail "the module is loaded before it is needed (or built in)"
interpose x "$dev"
[[ -e /sys/module/dm_interpose ]] || fail "the module is not loaded"
equal "state" attached "$(interposer_state x)"
test_done
