#!/bin/bash
# Given the README's map of the tree: a fenced block with a path (a pattern, or several paths) first in each line
# When it is compared with the tree
# Then each path in it exists, and each folder and file of the top level is covered by it
. tests/lib/test.sh

# shellcheck disable=SC2016 # backquotes of Markdown
sed -n '/^```/,/^```/p' README.md | grep -oE '^[A-Za-z.][A-Za-z0-9_./*{},<>-]*( [A-Za-z0-9_.-]+/?)* {2,}' |
	grep -E '[./]' | tr ' ' '\n' | sed '/^$/d; s/<[a-z]*>/*/g' >"$T_DIR/map" || true
(($(wc -l <"$T_DIR/map") >= 8)) || fail "README.md has no map of the tree, or this test cannot read it"

while read -r pattern; do
	# braces and stars are expanded by the shell; only characters of paths have come this far
	for path in $(eval "echo $pattern"); do
		[[ -e $path ]] || fail "README.md: no such path: $path"
	done
done <"$T_DIR/map"

for entry in $(git ls-files | cut -d/ -f1 | sort -u | grep -v '^\.'); do
	[[ $entry == README.md ]] || grep -q "^$entry" "$T_DIR/map" || fail "README.md's map lacks $entry"
done
test_done
