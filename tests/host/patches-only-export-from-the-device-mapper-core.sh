#!/bin/bash
# Given the series of patches
# When it touches existing code of device-mapper
# Then nothing is taken away there, and beyond exports there is at most one small helper
. tests/lib/test.sh
. tests/lib/tree.sh

changed_lines - '^(drivers/md/.*\.[ch]|include/linux/(dm|device-mapper).*)$' >"$T_DIR/removed"
changed_lines + '^(drivers/md/.*\.[ch]|include/linux/(dm|device-mapper).*)$' | grep -v '^+EXPORT_SYMBOL_GPL(\w*);$' >"$T_DIR/other" || true
[[ ! -s $T_DIR/removed ]] || fail "removed: $(head -n 1 "$T_DIR/removed")"
(($(wc -l <"$T_DIR/other") <= 12)) || {
	cat "$T_DIR/other"
	fail "more than exports and a small helper"
}
test_done
