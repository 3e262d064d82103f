#!/bin/bash
# tier: full
# timeout: 3600
# Given modules for Debian's kernel 6.12 in which one thing at a time can be made wrong, such as that the test inside the
#   queue is left out
# When for each of them the test runs that stands for it
# Then it fails, and with nothing wrong it passes
. tests/lib/test.sh
. tests/lib/mutant.sh

mutant_table=stock-one-line mutant_kernel=stock-6.12
one_line_mutants_build
one_line_mutants_caught
test_done
