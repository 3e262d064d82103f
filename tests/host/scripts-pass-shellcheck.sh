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

# A test is read by itself, without what the library sets and uses: to follow it there each time would take minutes
status=0
printf '%s\n' "${scripts[@]}" | grep -E '^tests/(shell|host|meta|boot)/' |
	xargs -d '\n' -n 20 -P 2 shellcheck -e SC1091,SC2034,SC2154 || status=1
printf '%s\n' "${scripts[@]}" | grep -vE '^tests/(shell|host|meta|boot)/' |
	xargs -d '\n' -n 4 -P 2 shellcheck -x -a || status=1
((status == 0)) || fail "shellcheck has something to say"
test_done
