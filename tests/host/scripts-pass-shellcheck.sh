#!/bin/bash
# Given every shell script of the repository
# When shellcheck reads it
# Then it has nothing to say
. tests/lib/test.sh
requires shellcheck

mapfile -t scripts < <(git ls-files -co --exclude-standard | while read -r file; do
	[[ -f $file ]] && head -c 64 "$file" | head -n 1 | grep -aqE '^#!.*\b(ba|da)?sh\b' && echo "$file"
done)
((${#scripts[@]} > 10)) || fail "only ${#scripts[@]} scripts found: the test is broken"
printf '%s\0' "${scripts[@]}" | xargs -0 -n 8 -P 2 shellcheck -x
test_done
