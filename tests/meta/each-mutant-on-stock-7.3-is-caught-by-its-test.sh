#!/bin/bash
# tier: full
# timeout: 3600
# Given modules for the kernel 7.3 of Debian's backports in which one thing at a time can be made wrong, such as that an
#   attach does not wait for who sleeps at the queue since before the hook was there
# When for each of them the test runs that stands for it
# Then it fails, and with nothing wrong it passes
. tests/lib/test.sh
. tests/lib/mutant.sh

mutant_table=stock-7-one-line mutant_kernel=stock-7.3
one_line_mutants_build
one_line_mutants_caught
test_done
