#!/bin/bash
# Given our kernel files and patches, and the tests' programs in C
# When the kernel's own checkpatch.pl reads them with --strict
# Then it has nothing to say
. tests/lib/test.sh
. tests/lib/tree.sh

(lock "$CACHE/src.lock" && ensure_pristine)

# MAINTAINERS belongs to whoever merges the series. checkpatch's own helpers may lack a Python module and complain
# on stderr; its findings are on stdout, and without one it must have succeeded.
check() {
	local status=0
	perl "$PRISTINE/scripts/checkpatch.pl" --root="$PRISTINE" --strict --terse --show-types --no-summary \
		--ignore FILE_PATH_CHANGES "$@" >>"$T_DIR/findings" 2>"$T_DIR/stderr" || status=$?
	[[ $status == 0 || -s $T_DIR/findings ]] || {
		cat "$T_DIR/stderr"
		fail "checkpatch.pl failed"
	}
}

mapfile -t sources < <(overlay_files | cut -f2 | grep -E '\.([ch]|rst)$' || true)
((${#sources[@]} > 0)) || fail "no source found: the test is broken"
check -f "${sources[@]}"
# what is out of the tree knows kernels by their number, and names its functions and places once, in lists of macros
lists=COMPLEX_MACRO,MULTISTATEMENT_MACRO_USE_DO_WHILE,MACRO_ARG_REUSE,MACRO_ARG_UNUSED,TRAILING_SEMICOLON
mapfile -t sources < <(stock_sources; ls stock/*.S)
check --ignore "LINUX_VERSION_CODE,CONSTANT_COMPARISON,NEW_TYPEDEFS,EXPORT_SYMBOL,$lists" -f "${sources[@]}"
# shellcheck disable=SC2154 # tree.sh sets it
check "${patches[@]}"
# user space has neither the kernel's types nor its macros and string functions
user_space=VOLATILE,PREFER_KERNEL_TYPES,PREFER_DEFINED_ATTRIBUTE_MACRO,STRCPY,ARRAY_SIZE,REPEATED_WORD
check --no-tree --ignore "$user_space" -f tests/programs/*.[ch]
cat "$T_DIR/findings"
[[ ! -s $T_DIR/findings ]] || fail "$(wc -l <"$T_DIR/findings") findings: $(head -n 1 "$T_DIR/findings")"
test_done
