#!/bin/bash
# Given the series of patches to existing kernel files
# When its lines are counted
# Then it has at most 5 patches and 60 added lines of code; Kconfig and Makefile glue does not count
. tests/lib/test.sh
. tests/lib/tree.sh

added=$(changed_lines + '\.[chS]$' | wc -l)
note "${#patches[@]} patches, $added added lines of code"
((${#patches[@]} <= 5)) || fail "${#patches[@]} patches"
((added > 0)) || fail "no added line found: the count is broken"
((added <= 60)) || fail "$added added lines in existing code"
test_done
