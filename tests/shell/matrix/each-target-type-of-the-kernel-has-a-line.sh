#!/bin/bash
# tier: full
# timeout: 100
# Given all target types that this kernel's device-mapper has, with all modules
# When they are looked for in the table of tests/matrix
# Then each has a line there
. tests/lib/test.sh

modules=("/lib/modules/$(uname -r)"/kernel/drivers/md/dm-*.ko)
((${#modules[@]} > 10)) || fail "only ${#modules[@]} modules were found: the test is broken"
for module in "${modules[@]}"; do
	module=${module##*/}
	[[ $module == *test* || $module == *kunit* ]] || modprobe "${module%.ko}"
done
types=0
while read -r type _; do
	grep -qE "^$type(:[a-z0-9]+)?[[:space:]]" tests/matrix/targets || fail "$type has no line in tests/matrix/targets"
	types=$((types + 1))
done < <(dmsetup targets)
((types > 25)) || fail "only $types target types were found: the test is broken"
test_done
