#!/bin/bash
# Given the tables of one-line mutants
# When each is looked up in the sources
# Then the piece that it changes is there, and so is the test that must notice: each-mutant-is-caught, which needs long,
#   does not find that out too late
. tests/lib/test.sh

mutants=0
while IFS= read -r line; do
	[[ $line && $line != \#* ]] || continue
	mutants=$((mutants + 1))
	IFS=$'\t' read -r wrong file piece _ test <<<"${line// | /$'\t'}"
	grep -qF -- "$piece" "$file" || fail "$wrong: not in $file: $piece"
	[[ -f tests/shell/$test.sh ]] || fail "$wrong: there is no test $test"
done < <(cat tests/mutants/one-line tests/mutants/stock-one-line tests/mutants/stock-7-one-line)
((mutants > 20)) || fail "only $mutants mutants: this test is broken"
test_done
