#!/bin/bash
# timeout: 150
# Given an interposed disk whose reads and writes are mapped where they are
# When thousands of writes are chained to each other (BLKZEROOUT on a disk that cannot write zeroes by itself)
# Then they all come through the interposer and end; with a call within a call for each of them the stack would overflow
. tests/lib/test.sh
requires blkdiscard

direct_on
dev=$(null_blk_create chain size=4096 memory_backed=0)
equal "largest write of zeroes" 0 "$(<"$(sysfs_dir "$dev")/queue/write_zeroes_max_bytes")"
for inner in "linear $dev 0" snapshot-origin; do
	# shellcheck disable=SC2086
	interpose x "$dev" $inner >/dev/null
	before=$(interposer_redirected x)
	written=$(io_stat "$dev" write_sectors)
	blkdiscard -z "$dev"
	equal "sectors written" "$(sectors "$dev")" $(($(io_stat "$dev" write_sectors) - written))
	(($(interposer_redirected x) - before >= 4000)) || fail "$(($(interposer_redirected x) - before)) writes are no long chain"
	dmsetup remove "$P-x"
done
test_done
