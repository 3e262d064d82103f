#!/bin/bash
# timeout: 600
# kernel: stock-6.12
# Given Debian's kernel as it is, and its headers
# When our modules for it are compiled as DKMS does, with the warnings of W=1, and read by sparse
# Then neither has anything to say, nor has objtool about the trampolines; and without the kernel's types, or those of its
#   module dm-mod, nothing is built, and the message says what is missing; without a type that only bios need that are
#   mapped where they are, the modules are built without that, and the message says so
. tests/lib/test.sh
. tests/lib/tree.sh
requires sparse pahole

kernel=$(tools/stock --print stock-6.12)
headers=$(realpath "$kernel/headers")
modules=("$kernel"/modules/*)

# compile DIR [VARIABLE=…]
compile() {
	stock/lay-out "$1"
	make -C "$headers" M="$1" STOCK_MODULES="${modules[0]}" W=1 C=2 -j"$(nproc)" "${@:2}" modules >"$T_DIR/said" 2>&1
}

compile "$T_DIR/good" || fail "$(tail -n 1 "$T_DIR/said")"
if grep -iE 'warning|error' "$T_DIR/said"; then
	fail "$(grep -m 1 -iE 'warning|error' "$T_DIR/said")"
fi
grep -q 'CHECK.*places.c' "$T_DIR/said" || fail "sparse has not read them"
not compile "$T_DIR/bad" STOCK_MODULES="$T_DIR"
grep "its module dm-mod is not in $T_DIR" "$T_DIR/said"
not compile "$T_DIR/bad" STOCK_BTF=/nowhere
grep "it has no type information" "$T_DIR/said"

sed -i 's/ orig_bio / no_such_member /' "$T_DIR/good/stock/layout.members"
touch "$T_DIR/good/stock/layout"
make -C "$headers" M="$T_DIR/good" STOCK_MODULES="${modules[0]}" -j"$(nproc)" modules >"$T_DIR/said" 2>&1 ||
	fail "$(tail -n 1 "$T_DIR/said")"
grep "all bios will go through device-mapper on this kernel: its struct dm_io has no member no_such_member" "$T_DIR/said"
modinfo "$T_DIR/good/dm-interpose.ko" | grep '^parm: *direct:.*not on this kernel'
test_done
