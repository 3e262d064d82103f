#!/bin/bash
# Given our kernel files
# When the kernel's own kernel-doc reads their comments
# Then it has nothing to say
. tests/lib/test.sh
. tests/lib/tree.sh

(lock "$CACHE/src.lock" && ensure_pristine)
mapfile -t sources < <(own_sources; stock_sources)
perl "$PRISTINE/scripts/kernel-doc" -none -Wreturn "${sources[@]}" >"$T_DIR/findings" 2>&1 || true
cat "$T_DIR/findings"
[[ ! -s $T_DIR/findings ]] || fail "$(head -n 1 "$T_DIR/findings")"
test_done
