# shellcheck shell=bash
# Proves a test by a kernel that is wrong on purpose: a patch of tests/mutants on top of the series. The mutant is built
# from a copy of the checkout, which stays in the cache, so that another time only what has changed is compiled.

# shellcheck source=tools/lib.sh
. "$REPO/tools/lib.sh"

# mutant PATCH: copies the checkout and builds its kernel with the patch
mutant() {
	mutant_dir=$CACHE/mutants/$1
	rm -rf "$mutant_dir.new"
	mkdir -p "$mutant_dir.new"
	git ls-files -co --exclude-standard | tar --ignore-failed-read -cf - -T - | tar -C "$mutant_dir.new" -xf -
	cp "tests/mutants/$1.patch" "$mutant_dir.new/patches/$KERNEL_VERSION/9999-$1.patch"
	rm -rf "$mutant_dir"
	mv "$mutant_dir.new" "$mutant_dir"
	note "building the kernel with $1"
	(cd "$mutant_dir" && tools/build debug)
}

# caught TEST 'text': the test fails in that kernel, of its own will and with the text
caught() {
	local status=0
	(cd "$mutant_dir" && tools/vm/run --no-build --timeout 600 -- bash "tests/shell/$1.sh") >"$T_DIR/mutant.log" 2>&1 || status=$?
	cat "$T_DIR/mutant.log"
	equal "exit status of $1" 1 "$status"
	grep -q "^FAIL: .*$2" "$T_DIR/mutant.log" || fail "$1 has failed, but did not say '$2'"
}
