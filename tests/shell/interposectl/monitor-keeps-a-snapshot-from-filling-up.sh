#!/bin/bash
# timeout: 300
# Given a mounted ext4, interposed, with a snapshot on a logical volume of 64 MiB, and interpose-monitor.conf
# When it fills, and interposectl monitor looks after it
# Then it is extended from the fill on that the file says; a dry run only prints how; other commands go on beside a monitor
#   that stays; once the volume group is full it is removed, with its origin unharmed; and a wrong line or name is said
. tests/lib/test.sh
. tests/lib/dmeventd.sh
. tests/lib/interposectl.sh

conf=/etc/interpose-monitor.conf
interposectl_cleans
requires_target snapshot
dev=$(partition "$(scratch a)" 192)
at=$(mkfs_mounted ext4 "$dev" noinit_itable) # nothing but the test writes, however long it takes
cow_group "$(scratch b)"
interpose x "$dev" snapshot-origin >"$T_DIR/node"
dmsetup suspend "$P-x"
snap=$(dm_create snap "0 $(sectors "$dev") snapshot $(interposer_beneath x) $cow P 128")
dmsetup resume "$P-x"

monitor_ends() {
	kill "$monitor" || true
} 2>/dev/null

# fill FILE MIB
fill() {
	dd if=/dev/urandom of="$at/$1" bs=1M count="$2" conv=fsync status=none
}

interposectl_status 1 monitor "$P-x"
says "$P-x is neither a snapshot nor a device that has one; interposectl snapshot --list lists them all"
interposectl_status 2 monitor --warn 0
says "--warn: '0' is not valid; use 1% to 100%" "usage: "

fill one 40
snapshot_numbers
((used * 100 / total > 50 && used * 100 / total < 80)) || fail "$used of $total: this test is broken"
interposectl_status 0 monitor --once --horizon 0
snapshot_numbers
equal "size below the mark" 131072 "$total"
printf '# half of it\nwarn = 50%%\nwarm = 50%%\n' >"$conf"
interposectl_status 0 --dry-run monitor
says "$conf:3: unknown setting 'warm'; valid settings are interval, warn, drop, step, horizon" \
	"lvextend -L +" "s $P/cow"
snapshot_numbers
equal "size after a dry run" 131072 "$total"
interposectl_status 0 monitor --once
says "snapshot $P-snap is " " % full: extended $P/cow by "
snapshot_numbers
((total > 131072)) || fail "it has not grown"
equal "size of the volume" "$total" "$(sectors "$cow")"

# one that stays, and takes what comes later; it must find it so full whenever it comes to look
printf 'warn = 60%%\ndrop = never\nhorizon = 0\n' >"$conf"
"$INTERPOSECTL" monitor --interval 1 >"$T_DIR/monitor.log" 2>&1 </dev/null &
monitor=$!
cleanup monitor_ends
other=$(mkfs_mounted ext4 "$(scratch c)" noinit_itable)
interposectl_status 0 snapshot --ram --size 8M --name later "$other"
dd if=/dev/urandom of="$other/file" bs=1M count=6 conv=fsync status=none
wait_until "it warns of the second snapshot" 60 grep -q "snapshot later is .* % full" "$T_DIR/monitor.log"
interposectl_status 0 snapshot --remove later
kill -0 "$monitor" || fail "it has ended: $(<"$T_DIR/monitor.log")"
kill "$monitor"
wait "$monitor" || true

# no room in the volume group
lvcreate -q --yes --wipesignatures n --extents 100%FREE --name rest "$P" >"$T_DIR/lvm.log"
snapshot_numbers
fill two $(((total - used) * 96 / 100 / 2048 - 2))
snapshot_numbers
note "$used of $total"
((used * 100 / total >= 90)) || fail "too little is in use: this test is broken"
interposectl_status 0 monitor --once --warn 70 --drop never "$P-snap"
says "snapshot $P-snap is " ", and its volume group has no free space"
[[ -e $snap ]] || fail "it was removed"
interposectl_status 0 --dry-run monitor --warn 70 --drop 90 "$P-snap"
says "dmsetup remove $P-snap"
interposectl_status 0 monitor --interval 1 --warn 70 --drop 90 "$P-snap"
says "cannot be extended: removing it" "$P/cow: remove or reuse that volume"
snapshot_gone || fail "it is still there"

rm "$conf"
umount "$at"
fsck_clean "$dev"
dmsetup remove "$P-x"
test_done
