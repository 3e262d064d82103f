#!/bin/bash
# tier: full
# timeout: 240
# Given two partitions, or a whole disk, under raw loads through libaio and io_uring, interposed with linear and with
#   delay, which holds bios back
# When the disk loses its power
# Then the loads get errors and the kernel no splat, and the interposers can be removed; power that is back before that
#   makes a new disk, which can be interposed beside the dead one
. tests/lib/test.sh
. tests/lib/cycles.sh
. tests/lib/vanish.sh
requires_target interpose delay

modprobe -q dm-interpose
modprobe null_blk nr_devices=0
references_note

disk=$(null_blk_create dies)
vanish_errors "${disk#/dev/}"
loads_fail() {
	local name
	for name; do
		fio_fails "$name"
	done
}

# partitions
printf 'size=64M\nsize=64M\n' | sfdisk -q "$disk"
one=$(part "$disk" 1) two=$(part "$disk" 2)
wait_until "the partitions are there" 10 test -b "$two"
interpose x "$one"
interpose y "$two" delay "$two" 0 300
fio_verify_start one "$one" --size=32M
fio_verify_start two "$two" --size=32M --ioengine=io_uring
wait_redirected x
wait_redirected y 20
power "$disk" 0
loads_fail one two
gone "$one"
for name in x y; do
	equal "state of $name" attached "$(interposer_state "$name")"
	dmsetup remove "$P-$name"
done

# the whole disk, which comes back under its old name and number
power "$disk" 1
wait_until "$disk is back" 10 test -b "$disk"
random_fill "$disk" 4 # no partitions any more
interpose x "$disk" delay "$disk" 0 300
fio_verify_start whole "$disk" --size=32M
wait_redirected x 20
number=$(devno "$disk")
power "$disk" 0
loads_fail whole
power "$disk" 1
wait_until "$disk is back" 10 test -b "$disk"
equal "number of the disk" "$number" "$(devno "$disk")"
interpose y "$disk"
fio_verify_start again "$disk" --size=16M
wait_redirected y
redirected=$(interposer_redirected x)
dmsetup remove "$P-x"
note "the dead disk had $redirected bios redirected"
wait_redirected y
dmsetup remove "$P-y"
wait_io "$disk"
fio_verify_stop again
power "$disk" 0
null_blk_remove "${disk#/dev/}"
references_back
test_done
