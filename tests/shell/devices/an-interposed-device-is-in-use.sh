#!/bin/bash
# tier: full
# timeout: 180
# Given a mapped device, a raid of MD and a loop device, each interposed and used by nobody else
# When they are to be removed, stopped or detached
# Then the first two are refused as busy, and the loop device stays until its interposer goes; forced, the mapped device
#   returns errors, and the interposer can be removed
. tests/lib/test.sh
. tests/lib/vanish.sh
requires_target interpose error
requires mdadm

dev=$(linear_create volume "$(scratch a)" 4096 65536)
interpose x "$dev"
expect_error "remove" EBUSY -- dmsetup remove "$P-volume"
random_fill "$dev" 1
vanish_errors dm-
dmsetup wipe_table "$P-volume"
expect_error "Input/output error" EIO -- dd if="$dev" of=/dev/null bs=4k count=1 iflag=direct
equal "state" attached "$(interposer_state x)"
dmsetup suspend "$P-x"
dmsetup resume "$P-x"
dmsetup remove "$P-x"
dmsetup remove "$P-volume"

stop_raid() {
	[[ ! -e /sys/block/md127/md ]] || mdadm --stop --quiet /dev/md127
}
legs=("$(partition "$(scratch c)" 32)" "$(partition "$(scratch d)" 32)")
cleanup stop_raid
MDADM_NO_UDEV=1 mdadm --create /dev/md127 --run --quiet --level=1 --raid-devices=2 --metadata=1.2 \
	--assume-clean --bitmap=none "${legs[@]}"
interpose x /dev/md127
not mdadm --stop --quiet /dev/md127
random_fill /dev/md127 1
dmsetup remove "$P-x"
stop_raid

dev=$(loop_create 32M)
interpose x "$dev"
losetup -d "$dev"
[[ -e /sys/block/${dev#/dev/}/loop/backing_file ]] || fail "$dev is gone from under its interposer"
random_fill "$dev" 1
dmsetup remove "$P-x"
unbound() {
	[[ ! -e /sys/block/${dev#/dev/}/loop/backing_file ]]
}
wait_until "$dev is let go" 10 unbound
test_done
