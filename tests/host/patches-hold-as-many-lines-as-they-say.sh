#!/bin/bash
# Given the series of patches
# When the lines that a patch adds and removes are counted
# Then that is what its hunks and its summary say: git and patch ignore lines beyond
. tests/lib/test.sh
. tests/lib/tree.sh

# lines SIGN PATCH: how many lines of its diffs begin with it
lines() { sed -n '/^diff --git /,/^-- $/p' "$2" | grep -v '^--- \|^+++ \|^-- $' | grep -c "^[$1]"; }

# summary WORD PATCH: how many insertions or deletions it says
summary() { sed -n "s/^ [0-9]* files\? changed.* \([0-9]*\) $1.*/\1/p" "$2"; }

[[ -e ${patches[0]} ]] || fail "no patch found: the test is broken"
for patch in "${patches[@]}"; do
	read -r added removed < <(git apply --numstat "$patch" | awk '{ a += $1; r += $2 } END { print a, r }')
	[[ ${added:-0} -gt 0 ]] || fail "$patch adds nothing that git sees"
	equal "lines that the hunks of $patch add" "$(lines + "$patch")" "$added"
	equal "lines that the hunks of $patch remove" "$(lines - "$patch")" "$removed"
	said=$(summary insertion "$patch")
	equal "insertions that $patch says" "${said:-0}" "$added"
	said=$(summary deletion "$patch")
	equal "deletions that $patch says" "${said:-0}" "$removed"
done
test_done
