#!/bin/bash
# timeout: 120
# Given a mounted ext4
# When an interposer loses what is written to it, from then on
# Then the model of a file and the model of a tree each end with what is wrong, and both end well without it
. tests/lib/test.sh
requires_target interpose flakey

dev=$(partition "$(scratch a)" 128)
at=$(mkfs_mounted ext4 "$dev")
mkdir "$at/tree" "$at/other"
"$(program file-model)" --ops 100 "$at/file"
"$(program tree-model)" --ops 100 "$at/tree"
interpose x "$dev" flakey "$dev" 0 0 3600 1 drop_writes
for model in "file-model $at/file" "tree-model $at/other"; do
	# shellcheck disable=SC2086 # the program and what it works on
	not "$(program ${model% *})" --ops 5000 "${model#* }" >"$T_DIR/said"
	note "$(<"$T_DIR/said")"
	grep -q 'FAILED: .* wanted 0x' "$T_DIR/said" || fail "it does not say which byte is wrong"
done
dmsetup remove "$P-x"
expects_dmesg 'EXT4-fs' # what its metadata are on the disk now is another matter
umount "$at"
test_done
