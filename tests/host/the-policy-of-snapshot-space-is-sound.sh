#!/bin/bash
# Given the policy for the space of snapshots, and the plugin of dmeventd
# When they are built, the policy with address and undefined behaviour sanitizers, and the policy's own tests are run
# Then those pass, and the plugin exports what dmeventd calls and nothing else
. tests/lib/test.sh
requires make cc nm

made -C userspace/dmeventd O="$T_DIR" SAN=1 all "$T_DIR/policy-test"
"$T_DIR/policy-test" >"$T_DIR/said" || fail "the policy: $(head -n 5 "$T_DIR/said")"
equal "what the tests of the policy say" "0 failures" "$(<"$T_DIR/said")"
equal "exported" "process_event register_device unregister_device" \
	"$(nm -D --defined-only "$T_DIR/libdevmapper-event-interpose.so" | cut -d' ' -f3 | xargs)"
test_done
