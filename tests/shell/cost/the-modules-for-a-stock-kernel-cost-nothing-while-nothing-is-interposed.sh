#!/bin/bash
# tier: full
# timeout: 600
# kernel: stock-6.12
# vm: --cpus 1 --qemu -icount --qemu shift=0,sleep=off
# Given Debian's own kernel, a disk that completes at once, and a machine in which the time stamp counter counts instructions
# When 4 KiB are read and written before our modules are loaded, with them loaded, beside an interposed device, on an ordinary
#   mapped device with a target, and on a device with that interposed
# Then loaded modules take no instruction, an interposed device beside at most 1.03 times as many, and an interposed target
#   at most 1.08 times (linear) or 1.09 times as many as an ordinary one
. tests/lib/test.sh
. tests/lib/cost.sh
requires_target interpose flakey era snapshot-origin

costs_measured 'linear=1080' 'flakey=1090' 'era=1090' 'snapshot-origin=1090' 'snapshot-origin+1=1090'
for operation in read write; do
	raw=$(instructions unloaded none "$operation")
	at_most 1000 "$operation with the modules loaded" "$(instructions raw none "$operation")" 'without them' "$raw"
	at_most 1030 "$operation beside an interposed device" "$(instructions other none "$operation")" 'without the modules' "$raw"
	interposed_at_most "$operation"
done
test_done
