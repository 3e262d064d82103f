#!/bin/bash
# tier: full
# timeout: 120
# Given a raid1 of MD without a file system, with verified writes in flight, one leg of which does not answer
# When dmsetup create is killed while it waits for those writes
# Then it ends at once, with the writes still stuck, and nothing is attached; when the leg answers, every write
#   completes; remove and create then work
. tests/lib/test.sh
. tests/lib/kill.sh
requires mdadm

stop_raid() {
	[[ ! -e /sys/block/md127/md ]] || mdadm --stop --quiet /dev/md127
}

in_flight() {
	local values
	read -ra values </sys/block/md127/inflight
	((values[1] > 0))
}

leg=$(linear_create leg "$(partition "$(scratch c)" 64)")
cleanup stop_raid
MDADM_NO_UDEV=1 mdadm --create /dev/md127 --run --quiet --level=1 --raid-devices=2 --metadata=1.2 \
	--assume-clean --bitmap=none "$leg" "$(partition "$(scratch d)" 64)"
fio_verify_start load /dev/md127 --size=16M
wait_io /dev/md127 20

stop leg
wait_until "writes are in flight" 30 in_flight
cleanup dm_remove_if_there "$P-x"
begin dmsetup create "$P-x" --table "0 $(sectors /dev/md127) interpose /dev/md127 linear /dev/md127 0"
wait_until "they are waited for" 30 stands_in "$pid" blk_interposer_attach
killed
killed_ends
in_flight || fail "no write is in flight any more: nothing has been tested"
equal "state" detached "$(interposer_state x)"
go_on leg
wait_io /dev/md127
fio_verify_check load
dmsetup remove "$P-x"
interpose x /dev/md127
wait_redirected x
dmsetup remove "$P-x"
fio_verify_stop load
test_done
