#!/bin/bash
# timeout: 60
# Given two disks
# When the lines of one table name one of them each
# Then the table is refused with EBUSY, the kernel log names both, and nothing has changed
. tests/lib/test.sh
. tests/lib/refusals.sh

one=$(scratch a) two=$(scratch b)
half=$(($(sectors "$one") / 2))
refusals_begin
refused "interposes ${one#/dev/} and cannot interpose ${two#/dev/} as well" EBUSY \
	"0 $half interpose $one linear $one 0"$'\n'"$half $half interpose $two linear $two $half"
undisturbed "$one" "$two"
test_done
