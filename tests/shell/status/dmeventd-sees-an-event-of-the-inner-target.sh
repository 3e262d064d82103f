#!/bin/bash
# tier: full
# timeout: 120
# Given a partition with an interposer whose inner target is a mirror in sync, monitored by dmeventd
# When a leg of the mirror fails
# Then dmeventd calls its plugin, with the interposer's status, in which the leg has failed
. tests/lib/test.sh
. tests/lib/dmeventd.sh
requires_target mirror
requires dmeventd

monitor() {
	"$(program event-monitor)" "$1" "INTERPOSE-$P" "$plugin"
}

# It does not end as long as it monitors something
dmeventd_stop() {
	! dmeventd_runs || {
		monitor off || true
		kill "$daemon"
		wait_until "dmeventd has ended" 30 dmeventd_ended
	}
}

reported() {
	[[ -s $EVENTS ]]
}

dev=$(partition "$(scratch a)" 16)
leg=$(linear_create leg "$(partition "$(scratch b)" 16)")
plugin=$(program event-plugin.so)
export EVENTS=$T_DIR/events
dm_create x "0 32768 interpose $dev mirror core 1 128 2 $dev 0 $leg 0 2 handle_errors keep_log" --uuid "INTERPOSE-$P"
wait_until "the mirror is in sync" 60 has_status '.* 256/256 .*'
cleanup dmeventd_stop
monitor on # starts dmeventd
[[ ! -e $EVENTS ]] || fail "there was an event before: $(<"$EVENTS")"
dm_reload leg "0 32768 error"
dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct conv=notrunc status=none
wait_until "dmeventd has called its plugin" 60 reported
read -r said <"$EVENTS"
[[ $said =~ ^"interpose attached "[0-9:]+" interpose"[0-9]+" ".*" - mirror 2 "[0-9:]+" "[0-9:]+" "[0-9]+"/256 1 AD 1 core"$ ]] ||
	fail "the plugin got: $said"
dmeventd_stop
dmsetup remove "$P-x"
test_done
