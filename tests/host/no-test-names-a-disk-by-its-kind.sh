#!/bin/bash
# Given the tests that run in guests, whose disks are of one kind or another
# When their lines are looked at
# Then none names a disk, a partition or a directory in sysfs as only one kind has it, but tests that say which kind they
#   need
. tests/lib/test.sh

# lib/system.sh, lib/debian.sh and what is below boot/ are for systems whose disks are always virtio-blk; lib/device.sh has more disks
mapfile -t files < <(
	grep -L '^# disks: ' tests/shell/*/*.sh
	printf '%s\n' tests/lib/*.sh | grep -vE 'lib/(system|debian|device)\.sh$'
)
((${#files[@]} > 200)) || fail "only ${#files[@]} files were found: the test is broken"

NAMES='\<(vd[a-d]|sd[a-d]|nvme[0-9]n1)(p?[0-9])?\>|\$\{?(disk|spare|cow|whole|meta)\}[1-9]'
NAMES+='|\$\((scratch|disk) [a-d]"?\)"?[1-9]'

# named FILE…: the lines that name one, or make the name of a partition of that of its disk
named() {
	grep -nHvE '^[[:space:]]*#' "$@" /dev/null | grep -E "$NAMES" | grep -vE 'sed|recipe_names'
}

# shellcheck disable=SC2016 # to be found
printf '%s\n' 'dd if=/dev/vda' 'x=/sys/block/nvme0n1/size' 'note sda1' 'test -b ${disk}2' '$(disk a)2' '"$(scratch b)1"' \
	>"$T_DIR/wrong"
equal "wrong lines that are found" 6 "$(named "$T_DIR/wrong" | wc -l)"
found=$(named "${files[@]}" || true)
[[ ! $found ]] || fail "take disk, part or disk_of, or say '# disks: KIND (WHY)':
$found"
test_done
