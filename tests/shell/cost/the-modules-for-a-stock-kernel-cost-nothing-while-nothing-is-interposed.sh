#!/bin/bash
# tier: full
# timeout: 600
# kernel: stock-6.12
# vm: --cpus 1 --qemu -icount --qemu shift=0,sleep=off
# Given Debian's own kernel, a disk that completes at once, and a machine in which the time stamp counter counts instructions
# When 4 KiB are read and written before our modules are loaded, with them loaded, beside an interposed device, on an ordinary
#   mapped device with a target, and on a device with that interposed
# Then loaded modules take no instruction, an interposed device beside at most 1.03 times as many; and of the ordinary
#   device's, linear, era and snapshot-origin interposed take at most 0.87, flakey 1.1
. tests/lib/test.sh
. tests/lib/cost.sh
requires_target interpose flakey era snapshot-origin

costs_measured linear flakey era snapshot-origin snapshot-origin+1
for operation in read write; do
	for target in linear era snapshot-origin snapshot-origin+1; do
		interposed_at_most "$operation" "$target" 870
	done
	interposed_at_most "$operation" flakey 1100
done
interposed_at_most uring linear 870
interposed_at_most uring snapshot-origin 870
disk_at_most 1000 'with the modules loaded' raw 'without them' unloaded
disk_at_most 1030 'beside an interposed device' other 'without the modules' unloaded
test_done
