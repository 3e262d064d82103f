#!/bin/bash
# Given our kernel files
# When what checkpatch does not know is looked for
# Then there is no conditional compilation in a .c file, no kernel version test, no BUG(), and no function
#   of more than 60 lines; but that what is for Debian's kernel says which one it knows
. tests/lib/test.sh
. tests/lib/tree.sh

mapfile -t sources < <(own_sources; stock_sources | grep -v /blk-interposer-stock.h)
mapfile -t code < <(printf '%s\n' "${sources[@]}" | grep '\.c$')

((${#code[@]} >= 7)) || fail "our sources are not found"

none() {
	local what=$1
	shift
	local status=0
	"$@" >"$T_DIR/found" || status=$?
	cat "$T_DIR/found"
	((status != 0)) || fail "$what: $(head -n 1 "$T_DIR/found")"
	((status == 1)) || fail "cannot look for $what"
}

none "conditional compilation" grep -nE '^[[:space:]]*#[[:space:]]*(if|ifdef|ifndef)\b' "${code[@]}"
none "a kernel version test" grep -n 'LINUX_VERSION_CODE' "${sources[@]}"
none "BUG()" grep -nE '\bBUG(_ON)?\(' "${sources[@]}"
# shellcheck disable=SC2016 # awk's variables
none "a long function" awk '
	/^{/ { start = FNR }
	/^}/ { if (start && FNR - start > 61) { print FILENAME ":" start ": " FNR - start - 1 " lines"; found = 1 } start = 0 }
	END { exit !found }' "${code[@]}"
test_done
