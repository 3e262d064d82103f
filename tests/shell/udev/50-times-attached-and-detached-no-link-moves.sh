#!/bin/bash
# tier: full
# timeout: 400
# vm: --udev
# Given a mounted ext4 with a label under load, udevd with our rule, and somebody who listens to its events
# When an interposer comes and goes 50 times, by turns with our UUID and of plain dmsetup, every tenth time with a
#   snapshot
# Then at every event the links by UUID and by label lead to the interposed device, and no event claims such a link
#   for another one
. tests/lib/test.sh
. tests/lib/udev.sh
requires_target snapshot

# watch_links: at every event, until the monitor ends
watch_links() {
	local line seen=0
	while read -r line; do
		[[ $line == UDEV* ]] || continue
		seen=$((seen + 1))
		[[ $by_uuid -ef $dev && $by_label -ef $dev ]] || echo "$line" >>"$T_DIR/moved"
		echo "$seen" >"$T_DIR/seen"
	done
}

udev_rule_install
dev=$(partition "$(scratch a)" 64)
cow=$(scratch b)
at=$(mkfs_mounted ext4 "$dev")
tune2fs -L "$P" "$dev" >"$T_DIR/log"
by_label=$LINKS/by-label/$P
by_uuid=$LINKS/by-uuid/$(blkid -p -o value -s UUID "$dev")
udevadm trigger --settle --action=change "$dev"
leads_to "$by_label" "$dev"
leads_to "$by_uuid" "$dev"
fio_verify_start load "$at" --size=16M
cleanup monitor_kill
udev_monitor_start
watch_links < <(tail -f -n +1 --pid="$(<"$T_DIR/monitor.pid")" "$T_DIR/events") &
watcher=$!

for ((i = 0; i < 50; i++)); do
	uuid=()
	((i % 2)) || uuid=(--uuid "INTERPOSE-TARGET-$P-x")
	dm_create x "0 $(sectors "$dev") interpose $dev snapshot-origin" "${uuid[@]}" >"$T_DIR/node"
	if ((i % 10 == 9)); then
		udev_snapshot x snap "$cow" >"$T_DIR/node"
		wait_redirected x 50
		dmsetup remove --retry "$P-snap"
	fi
	dmsetup remove --retry "$P-x"
done

udev_monitor_stop
wait "$watcher"
note "$events events of mapped devices and of disks beneath the hook, $(<"$T_DIR/seen") looks at the links"
((events >= 50 * 4)) || fail "only $events events: the test is broken"
(($(<"$T_DIR/seen") >= events)) || fail "only $(<"$T_DIR/seen") looks at the links: the test is broken"
[[ ! -e $T_DIR/moved ]] || fail "a link was wrong at: $(head -n 1 "$T_DIR/moved")"
others=$(links_in_events | grep -v "^$dev ") || true
equal "links that events claim for others" "" "$others"
fio_verify_stop load
umount "$at"
fsck_clean "$dev"
test_done
