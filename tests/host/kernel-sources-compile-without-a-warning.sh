#!/bin/bash
# timeout: 900
# Given our kernel files in the patched tree
# When they are compiled with the warnings of W=1, and read by sparse
# Then neither has anything to say about them
. tests/lib/test.sh
. tests/lib/tree.sh
requires sparse

out=$CLONE/check-6.12/warnings
compile() {
	make -C "$PATCHED" O="$out" CC="ccache gcc" HOSTCC="ccache gcc" -j"$(nproc)" "$@"
}

export_build_environment
(lock "$CLONE/build.lock" && ensure_patched)
mkdir -p "$out"
cat tools/config/{base,plain}.config Kconfig.fragment >"$out/wanted.config"
kunit_symbols | sed 's/^.*$/CONFIG_&=m/' >>"$out/wanted.config"
compile KCONFIG_ALLCONFIG="$out/wanted.config" allnoconfig prepare
grep -q '^CONFIG_DM_INTERPOSE=' "$out/.config" || fail "our code is not in the configuration"

mapfile -t files < <(overlay_files | cut -f1 | grep '\.[ch]$')
mapfile -t objects < <(printf '%s\n' "${files[@]}" | sed -n 's/\.c$/.o/p')
(cd "$out" && rm -f "${objects[@]}") # what is up to date would not be read again
compile W=1 C=2 "${objects[@]}" 2>"$T_DIR/said"
for object in "${objects[@]}"; do
	[[ -s $out/$object ]] || fail "$object was not compiled"
done
printf '%s:\n' "${files[@]}" >"$T_DIR/files"
if grep -F -f "$T_DIR/files" "$T_DIR/said"; then
	fail "$(grep -c -F -f "$T_DIR/files" "$T_DIR/said") warnings: $(grep -m 1 -F -f "$T_DIR/files" "$T_DIR/said")"
fi
note "${#objects[@]} files without a warning"
test_done
