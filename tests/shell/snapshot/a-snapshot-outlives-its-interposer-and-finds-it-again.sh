#!/bin/bash
# tier: full
# timeout: 120
# Given an interposed disk with a snapshot
# When the interposer is removed and created again
# Then the disk beneath the hook stays for the snapshot, which can be read all the time; the second interposer has the
#   same disk, and the snapshot does not change when the origin is rewritten through it
# (What is written while no interposer is there does not reach the snapshot: it is documented, and happens here.)
. tests/lib/test.sh
requires_target snapshot

dev=$(partition "$(scratch a)" 16)
cow=$(scratch b)
random_fill "$dev"
interpose x "$dev" snapshot-origin
beneath=$(interposer_beneath x)
dmsetup suspend "$P-x"
snap=$(dm_create snap "0 $(sectors "$dev") snapshot $beneath $cow P 8")
dmsetup resume "$P-x"
sum=$(device_sum "$snap")
random_fill "$dev" 2

dmsetup remove "$P-x"
[[ -b $beneath && -e $(sysfs_dir "$dev")/holders/${beneath#/dev/} ]] || fail "$beneath is gone, but the snapshot uses it"
dmesg_since_start
[[ $log == *"is no longer interposed, but ${beneath#/dev/} is still open"* ]] || fail "no warning of the snapshot that is left"
equal "checksum while there is no interposer" "$sum" "$(device_sum "$snap")"

interpose y "$dev" snapshot-origin
equal "disk beneath the second interposer" "$beneath" "$(interposer_beneath y)"
random_fill "$dev" 8
equal "checksum after a rewrite" "$sum" "$(device_sum "$snap")"
dmsetup remove "$P-y"
random_fill "$dev" 16
[[ $sum != "$(device_sum "$snap")" ]] || fail "the snapshot saw a write that no interposer has told it: correct the documentation"
dmsetup remove "$P-snap"
wait_until "$beneath is gone with its last user" 10 test ! -e "$beneath"
test_done
