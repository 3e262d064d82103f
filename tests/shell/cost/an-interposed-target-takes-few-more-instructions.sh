#!/bin/bash
# timeout: 600
# kernel: plain
# vm: --cpus 1 --qemu -icount --qemu shift=0,sleep=off
# Given a disk that completes at once, and a machine in which the time stamp counter counts instructions
# When 4 KiB are read and written on it, on an ordinary mapped device with a target, and on the disk with that interposed
# Then of the ordinary device's instructions that takes at most 0.8 for linear, era and snapshot-origin, 1.05 for flakey; of
#   the disk's own, a read at most 1.15, a write 1.18, one to a chunk that a snapshot has 1.22, and with io_uring, 32 at a
#   time, 1.13; and 1.002 on a disk beside an interposed one; a volume on the disk pays no more for it than a program
. tests/lib/test.sh
. tests/lib/cost.sh
requires_target interpose flakey era snapshot-origin

costs_measured linear flakey era snapshot-origin snapshot-origin+1
for operation in read write; do
	interposed_at_most "$operation" flakey 1050
done
for target in linear era snapshot-origin; do
	interposed_at_most read "$target" 800 1150
	interposed_at_most write "$target" 800 1180
done
interposed_at_most read snapshot-origin+1 800 1150
interposed_at_most write snapshot-origin+1 800 1220
for target in linear snapshot-origin; do
	volume_at_most "$target" 1100
done
interposed_at_most uring linear 820 1130
interposed_at_most uring snapshot-origin 800 1130
disk_at_most 1002 'beside an interposed device' other 'with nothing interposed' raw
test_done
