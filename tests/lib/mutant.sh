# shellcheck shell=bash
# Proves tests by kernels that are wrong on purpose: tests/mutants. A mutant is built from a copy of the checkout, which
# stays in the cache, so that another time only what has changed is compiled.

# shellcheck source=tools/lib.sh
. "$REPO/tools/lib.sh"

# The table of one-line mutants in tests/mutants, and the kernel that they are in
mutant_table=one-line mutant_kernel=debug

# mutant_copy NAME: a copy of the checkout in $mutant_dir
mutant_copy() {
	mutant_dir=$CACHE/mutants/$1
	rm -rf "$mutant_dir.new"
	mkdir -p "$mutant_dir.new"
	git ls-files -co --exclude-standard | tar --ignore-failed-read -cf - -T - | tar -C "$mutant_dir.new" -xf -
	rm -rf "$mutant_dir"
	mv "$mutant_dir.new" "$mutant_dir"
}

mutant_build() {
	note "building the kernel in $mutant_dir"
	(cd "$mutant_dir" && tools/build "$mutant_kernel")
}

# mutant PATCH: the kernel with a patch on top of the series
mutant() {
	mutant_copy "$1"
	cp "tests/mutants/$1.patch" "$mutant_dir/patches/$KERNEL_VERSION/9999-$1.patch"
	mutant_build
}

# caught TEST 'text': the test fails in that kernel, of its own will and with the text
caught() {
	local status=0
	(cd "$mutant_dir" && tools/vm/run --no-build --timeout 3600 -- bash "tests/shell/$1.sh") >"$T_DIR/mutant.log" 2>&1 || status=$?
	cat "$T_DIR/mutant.log"
	equal "exit status of $1" 1 "$status"
	grep -q "^FAIL: .*$2" "$T_DIR/mutant.log" || fail "$1 has failed, but did not say '$2'"
}

# one_line_mutants: "number|what is wrong|file|old|new|test" of each; the number is that of its line
one_line_mutants() {
	sed -n '/^#/!{ /./{ =; p; } }' "tests/mutants/$mutant_table" | paste -d'|' - - | sed 's/ *| */|/; s/ | /\x1f/g; s/|/\x1f/'
}

# The kernel in which the mutants of one line are, each at work while its number is in /sys/module/blk_interposer/
# parameters/wrong
one_line_mutants_build() {
	local number name file old new test found
	mutant_copy "$mutant_table"
	sed -i '/^#include <linux\/blkdev.h>/a extern int blk_interposer_wrong;' "$mutant_dir"/block/blk-interposer.h \
		"$mutant_dir"/include/linux/blk-interposer.h
	cat >>"$mutant_dir/block/blk-interposer.c" <<-END
		int blk_interposer_wrong;
		EXPORT_SYMBOL_GPL(blk_interposer_wrong);
		module_param_named(wrong, blk_interposer_wrong, int, 0600);
	END
	while IFS=$'\x1f' read -r number name file old new test; do
		new=${new//WRONG/(READ_ONCE(blk_interposer_wrong) == $number)}
		found=$(OLD=$old NEW=$new perl -0 -pi -e '$n = s/\Q$ENV{OLD}\E/$ENV{NEW}/g; print STDERR $n + 0' \
			"$mutant_dir/$file" 2>&1)
		((found)) || fail "$name: $file does not contain: $old"
		wrong_test "$number" "$test"
		wrong_test 0 "$test"
	done < <(one_line_mutants)
	mutant_build
}

# wrong_test NUMBER TEST: in the copy, the test with what has this number wrong, on the disks that it needs. Many hang then,
# so the limit is short. It is the same with nothing wrong, which shows that it is long enough.
wrong_test() {
	local file=$mutant_dir/tests/shell/wrong-$1/${2//\//-}.sh
	mkdir -p "${file%/*}"
	{
		echo "#!/bin/bash"
		sed -nE '/^#/!q; /^# (vm|disks):/p' "tests/shell/$2.sh"
		echo "# kernel: $mutant_kernel"
		echo "# timeout: 120"
		if [[ $mutant_kernel == stock-* ]]; then # the test may load them anew
			echo "mkdir -p /run/modprobe.d"
			echo "echo options blk_interposer wrong=$1 >/run/modprobe.d/wrong.conf"
			echo "modprobe blk-interposer"
		fi
		echo "echo $1 >/sys/module/blk_interposer/parameters/wrong"
		echo "trap 'rm -f /run/modprobe.d/wrong.conf; echo 0 >/sys/module/blk_interposer/parameters/wrong' EXIT"
		echo "bash tests/shell/$2.sh"
	} >"$file"
}

# one_line_mutants_caught: each test fails with what it stands for wrong, and passes with nothing wrong
one_line_mutants_caught() {
	local number name test missed=0
	(cd "$mutant_dir" && env -u T_DIR -u T_FILE -u T_LOG_MARK -u IN_GUEST T='wrong-*' tests/run --no-build) \
		>"$T_DIR/report" 2>&1 || :
	cat "$T_DIR/report"
	while IFS=$'\x1f' read -r number name _ _ _ test; do
		test=${test//[\/-]/ }
		grep -q "^not ok [0-9]* - wrong $number: $test" "$T_DIR/report" || {
			note "not noticed: $name"
			missed=$((missed + 1))
		}
		grep -q "^ok [0-9]* - wrong 0: $test" "$T_DIR/report" || fail "fails with nothing wrong: $test"
	done < <(one_line_mutants)
	equal "mutants that no test has noticed" 0 "$missed"
}
