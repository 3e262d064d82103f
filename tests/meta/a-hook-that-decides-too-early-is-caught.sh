#!/bin/bash
# tier: full
# timeout: 5400
# Given a kernel in which the top of submit_bio_noacct() decides whether a bio is redirected
# When the test runs in it that looks for writes which have waited while an interposer was attached
# Then it reports that they slipped past, and does not fail for any other reason
. tests/lib/test.sh
. tests/lib/mutant.sh

mutant decide-at-the-top-of-submit-bio-noacct
caught attach/no-write-that-waits-in-a-throttle-slips-past-the-attach 'writes slipped past'
test_done
