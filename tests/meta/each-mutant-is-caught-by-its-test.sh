#!/bin/bash
# tier: full
# timeout: 5400
# Given a kernel in which one thing at a time can be made wrong
# When for each of them the test runs that stands for it
# Then it fails, and with nothing wrong it passes
. tests/lib/test.sh
. tests/lib/mutant.sh

one_line_mutants_build
one_line_mutants_caught
test_done
