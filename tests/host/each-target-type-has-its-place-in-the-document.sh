#!/bin/bash
# Given the table of target types that are tested behind the hook
# When they are looked for in the document's section on inner targets, and in the table of interposectl
# Then each is there, in the document the refused ones as refused
. tests/lib/test.sh

section=$(sed -n '/^Inner targets$/,/^What is refused$/p' Documentation/admin-guide/device-mapper/dm-interpose.rst)
cells=0
while read -r cell view _; do
	[[ $cell && $cell != \#* ]] || continue
	type=${cell%%:*}
	[[ $section == *"\`\`$type\`\`"* ]] || fail "the document's section on inner targets lacks $type"
	[[ $cell == "$type" || $section == *"${cell#*:}"* ]] || fail "the document's section on inner targets lacks $cell"
	[[ $view != refused || $section =~ \`\`$type\`\`\ +refused ]] || fail "$type is refused, and the document does not say so"
	grep -q "^	{ \"$type\", see_" userspace/interposectl/view.c ||
		fail "interposectl does not know what the users of a device see with $type (view.c)"
	cells=$((cells + 1))
done <tests/matrix/targets
((cells > 25)) || fail "only $cells cells were found: the test is broken"
test_done
