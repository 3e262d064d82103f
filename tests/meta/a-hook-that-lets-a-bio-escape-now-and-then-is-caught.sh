#!/bin/bash
# tier: full
# timeout: 5400
# Given a kernel whose hook lets one bio in 2500 by
# When the test runs in it that compares what was written with what the inner target has seen
# Then it reports that writes slipped past, and does not fail for any other reason
. tests/lib/test.sh
. tests/lib/mutant.sh

mutant let-a-bio-escape-now-and-then
caught attach/every-write-after-create-has-returned-is-seen-by-the-inner-target 'writes slipped past'
test_done
