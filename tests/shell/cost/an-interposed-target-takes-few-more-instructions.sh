#!/bin/bash
# timeout: 600
# kernel: plain
# vm: --cpus 1 --qemu -icount --qemu shift=0,sleep=off
# Given a disk that completes at once, and a machine in which the time stamp counter counts instructions
# When 4 KiB are read and written on an ordinary mapped device with a target, and on a device with that interposed
# Then that takes at most 1.04 times as many instructions for linear, 1.05 times for flakey, era and snapshot-origin, and
#   1.005 times on a device beside an interposed one
. tests/lib/test.sh
. tests/lib/cost.sh
requires_target interpose flakey era snapshot-origin

costs_measured 'linear=1040' 'flakey=1050' 'era=1050' 'snapshot-origin=1050' 'snapshot-origin+1=1050'
for operation in read write; do
	at_most 1005 "$operation beside an interposed device" "$(instructions other none "$operation")" \
		'nothing interposed' "$(instructions raw none "$operation")"
	interposed_at_most "$operation"
done
test_done
