#!/bin/bash
# Given the series of patches
# When its hunks are read
# Then none only takes away, only moves white space, or only rewrites a comment
. tests/lib/test.sh
. tests/lib/tree.sh

# Prints "removed|added" of each hunk, without white space and comments
hunks() {
	awk '
		function flush() { if (inside) print removed "|" added; removed = added = ""; inside = 0 }
		/^(diff --git |-- $|From )/ { flush(); next }
		/^@@ / { flush(); inside = 1; next }
		!inside { next }
		/^[+-]/ {
			text = substr($0, 2)
			gsub(/\/\*.*\*\/|\/\/.*/, "", text)
			gsub(/[ \t]/, "", text)
			if (text ~ /^(\*|\/\*)/) next
			if ($0 ~ /^\+/) added = added text; else removed = removed text
		}
		END { flush() }' "${patches[@]}"
}

hunks >"$T_DIR/hunks"
[[ -s $T_DIR/hunks ]] || fail "no hunk found: the test is broken"
while IFS='|' read -r removed added; do
	[[ $added ]] || fail "a hunk adds no code: -$removed"
	[[ $removed != "$added" ]] || fail "a hunk changes only white space or comments: $added"
done <"$T_DIR/hunks"
test_done
