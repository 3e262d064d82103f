#!/bin/bash
# timeout: 180
# Given a raw partition that is read and written all the time by those who must not wait
# When interposers come, are suspended with and without flush, resumed, reloaded, wiped and removed (as often as the
#   first argument says)
# Then each attempt succeeds with the right data or gets EAGAIN and has done nothing; at each closed gate all get EAGAIN
#   and none waits; after each resume and each detach they succeed again
. tests/lib/test.sh
. tests/lib/cycles.sh
requires_target interpose flakey

cycles=${1:-5}
references_note
dev=$(partition "$(scratch a)" 64)
cleanup dm_remove_if_there "$P-x"
be_patient
"$(program nowait)" "$dev" "$P-x" "$cycles" $((3 * patience)) | tee "$T_DIR/counted"
read -r _ _ _ reads _ writes _ eagain_reads _ eagain_writes <"$T_DIR/counted"
# of each of three workers, at two closed gates and after three commands or more
((reads + writes >= cycles * 3 * 3 * 20)) || fail "only $reads reads and $writes writes succeeded"
((eagain_reads + eagain_writes >= cycles * 3 * 2 * 20)) || fail "only $eagain_reads and $eagain_writes times EAGAIN"
((reads > 0 && writes > 0 && eagain_reads > 0 && eagain_writes > 0)) || fail "a kind is missing"
references_back "$(disk a)"
test_done
