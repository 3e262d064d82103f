#!/bin/bash
# Given our kernel files and patches
# When the kernel's own checkpatch.pl reads them with --strict
# Then it has nothing to say
. tests/lib/test.sh
. tests/lib/tree.sh

(lock "$CACHE/src.lock" && ensure_pristine)

# MAINTAINERS belongs to whoever merges the series
check() {
	perl "$PRISTINE/scripts/checkpatch.pl" --root="$PRISTINE" --strict --terse --show-types --no-summary \
		--ignore FILE_PATH_CHANGES "$@" >>"$T_DIR/findings" 2>&1 || true
}

mapfile -t sources < <(overlay_files | cut -f2 | grep -E '\.([ch]|rst)$')
((${#sources[@]} > 0)) || fail "no source found: the test is broken"
check -f "${sources[@]}"
check "${patches[@]}"
cat "$T_DIR/findings"
[[ ! -s $T_DIR/findings ]] || fail "$(wc -l <"$T_DIR/findings") findings: $(head -n 1 "$T_DIR/findings")"
test_done
