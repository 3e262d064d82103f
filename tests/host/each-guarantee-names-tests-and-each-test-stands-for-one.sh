#!/bin/bash
# Given the list of guarantees in the document
# When the tests that each of them names are looked for
# Then each names at least one, all of them exist, and there is no test that stands for no guarantee
. tests/lib/test.sh

document=Documentation/block/blk-interposer.rst
guarantees=0 items=()
declare -A stands=() # for a guarantee

# check_item TEXT: one guarantee with its tests
check_item() {
	local item=$1 name file files named=0
	while [[ $item =~ \`\`([a-z-]+/[^\`]*)\`\`(.*) ]]; do
		name=${BASH_REMATCH[1]}
		item=${BASH_REMATCH[2]}
		[[ $name != tests/* ]] || continue
		mapfile -t files < <(compgen -G "tests/shell/$name.sh" || compgen -G "tests/$name.sh" || true)
		((${#files[@]} > 0)) || fail "no such test: $name"
		for file in "${files[@]}"; do
			stands[$file]=1
		done
		named=$((named + 1))
	done
	((named > 0)) || [[ $1 == *"all tests"* ]] || fail "no test is named: $1"
	guarantees=$((guarantees + 1))
}

mapfile -t items < <(awk '
	/^Guarantees$/ { inside = 1 }
	/^API$/ { inside = 0 }
	!inside { next }
	/^- / { if (item) print item; item = $0; next }
	/^  / && item { item = item " " $0; next }
	{ if (item) print item; item = "" }' "$document")
for item in "${items[@]}"; do
	check_item "$item"
done
for test in tests/shell/*/*.sh tests/boot/*.sh; do
	[[ ${stands[$test]:-} ]] || fail "no guarantee names $test"
done
((guarantees >= 15)) || fail "only $guarantees guarantees were found: the test is broken"
test_done
