#!/bin/bash
# tier: full
# timeout: 600
# kernel: stock-7.3
# Given the kernel 7.3 of Debian's backports as it is, with its headers, and the compiler of Debian 13
# When our modules for it are compiled as DKMS does, with the warnings of W=1
# Then the compiler has nothing to say, nor has objtool about the trampolines
. tests/lib/test.sh

tools/stock --compile "$T_DIR/modules" stock-7.3 W=1 >"$T_DIR/said" 2>&1 || fail "$(tail -n 1 "$T_DIR/said")"
if grep -iE 'warning|error' "$T_DIR/said"; then
	fail "$(grep -m 1 -iE 'warning|error' "$T_DIR/said")"
fi
ls "$T_DIR"/modules/{blk-interposer,dm-interpose}.ko
test_done
