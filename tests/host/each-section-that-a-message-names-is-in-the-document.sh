#!/bin/bash
# Given the sections of the administrator's document that messages, manual pages, the README and it itself name
# When they are looked for in the document
# Then each of them is there
. tests/lib/test.sh

document=Documentation/admin-guide/device-mapper/dm-interpose.rst
# "('The title' in dm-interpose.rst)" in messages and manual pages, "dm-interpose.rst#the-title" in Markdown
git grep --untracked -hoE "'[^']+' in dm-interpose\.rst|dm-interpose\.rst#[a-z0-9-]+" -- userspace '*.md' |
	sed -E "s/^'(.*)' in .*/\1/; s/^[^#]*#//" | sort -u >"$T_DIR/named"
(($(wc -l <"$T_DIR/named") >= 4)) || fail "no section is named any more: this test is broken"
# "`The title`_" in the document, also across lines
# shellcheck disable=SC2016 # backquotes of reStructuredText
tr '\n\t' '  ' <"$document" | sed 's/``[^`]*``//g' | grep -oE '`[^`]+`_' | tr -d '`_' | tr -s ' ' >"$T_DIR/links"
(($(wc -l <"$T_DIR/links") >= 20)) || fail "the document has no links any more: this test is broken"
sort -u "$T_DIR/links" >>"$T_DIR/named"

awk '/^(=+|-+|~+)$/ && length(last) && length(last) <= length($0) { print last }
	/^\.\. _.*:$/ { print substr($2, 2, length($2) - 2) } { last = $0 }' "$document" >"$T_DIR/titles"
tr '[:upper:] ' '[:lower:]-' <"$T_DIR/titles" | tr -cd 'a-z0-9\n-' >>"$T_DIR/titles.anchors"
while read -r name; do
	grep -qxF -- "$name" "$T_DIR/titles" "$T_DIR/titles.anchors" || fail "$document has no section '$name'"
done <"$T_DIR/named"
test_done
