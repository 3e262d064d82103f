#!/bin/bash
# timeout: 300
# Given a run of tests of which most pass, on the host and in guests made of paper, and what it has written to the table
# When it is resumed: as things are, with a changed test, with a changed library, after it was killed, after a guest failed
# Then what has passed counts as passed and is not begun again, and all else is; and the parts of a run are the whole
. tests/lib/test.sh
. tests/lib/meta.sh

copy=$T_DIR/copy begun=$T_DIR/begun table=$T_DIR/results
mkdir -p "$copy" "$T_DIR/tests/host" "$T_DIR/tests/shell"
git ls-files -co --exclude-standard -- tools tests | tar --ignore-failed-read -cf - -T - | tar -C "$copy" -xf -
git -C "$copy" init -q

for n in 1 2 3; do
	printf '. tests/lib/test.sh\necho "host %s" >>"%s"\ntest_done\n' $n "$begun" >"$T_DIR/tests/host/number-$n.sh"
	printf '# disks: virtio-blk (one group)\n. tests/lib/test.sh\ntest_done\n' >"$T_DIR/tests/shell/number-$n.sh"
done
printf '. tests/lib/test.sh\necho bad >>"%s"\n[[ -e %s ]]\ntest_done\n' "$begun" "$T_DIR/good" >"$T_DIR/tests/host/is-bad.sh"

# A guest that has itself, or rather the run, killed behind its first test if it finds a file that says so
cat >"$T_DIR/guest" <<END
#!/bin/bash
while [[ \$1 != --share ]]; do shift; done
echo "@@ boot \$2"
while IFS=\$'\t' read -r id limit command; do
	(set -C && : >"\$2/\$id.taken") 2>/dev/null || continue
	echo "@@ start \$id"
	sed 's,.*/number-\(.\).sh,guest \1,' <<<"\$command" >>"$begun"
	echo pass >"\$2/\$id.verdict"
	echo "@@ end \$id"
	[[ ! -e $T_DIR/interrupt ]] || sleep 1000
done <"\$2/plan"
echo "@@ finished"
[[ ! -e $T_DIR/ends-badly ]] || exit 98
END
chmod +x "$T_DIR/guest"

in_copy() {
	cd "$copy" || exit
	exec env -u T_DIR -u T_FILE -u T_LOG_MARK -u IN_GUEST -u T DM_INTERPOSE_TESTS="$T_DIR/tests" \
		DM_INTERPOSE_RESULTS="$table" DM_INTERPOSE_VM_RUN="$T_DIR/guest" DM_INTERPOSE_JOBS=1 DM_INTERPOSE_PATIENCE=1 \
		tests/run "$@"
}

has_begun() {
	equal "tests begun" "$1" "$(sort "$begun" | paste -sd,)"
}

# run_copy 'passed failed remembered' 'tests begun' [ARGUMENT…]
run_copy() {
	local counts=$1 tests=$2
	shift 2
	: >"$begun"
	(in_copy "$@") >"$report" 2>&1 || true
	cat "$report"
	has_begun "$tests"
	reported_in_full
	equal "passed, failed, remembered" "$counts" \
		"$(grep -c '^ok' "$report") $(grep -c '^not ok' "$report") $(grep -c '^ok .* # (remembered)$' "$report")"
}

# known 'N not run'
known() {
	(in_copy --table) >"$report" 2>&1 || true
	cat "$report"
	equal "last line of the table" "$1" "$(tail -n 1 "$report")"
}

ended() {
	[[ $(grep -vc '^#' "$table") -ge $1 ]]
}

# run_killed 'tests begun' N: when so many have ended, and no other can
run_killed() {
	: >"$T_DIR/interrupt"
	: >"$begun"
	(in_copy T=number-) >"$report" 2>&1 &
	wait_until "$2 tests have ended" 60 ended "$2"
	kill -TERM $!
	wait $! || true
	rm "$T_DIR/interrupt"
	has_begun "$1"
}

all='bad,guest 1,guest 2,guest 3,host 1,host 2,host 3'
run_copy "7 1 0" "$all"
equal "lines of the table" 8 "$(grep -vc '^#' "$table")"
known '7 passed, 1 failed, 0 skipped, 0 not run'
run_copy "7 1 7" bad --resume
run_copy "7 1 0" "$all"
: >"$T_DIR/good"
run_copy "8 0 7" bad --resume
run_copy "8 0 8" '' --resume
known '8 passed, 0 failed, 0 skipped, 0 not run'

# a test that has changed, and one that was changed back
echo '# changed' >>"$T_DIR/tests/shell/number-2.sh"
known '7 passed, 0 failed, 0 skipped, 1 not run'
run_copy "8 0 6" 'guest 2' --resume
sed -i '$d' "$T_DIR/tests/shell/number-2.sh"
run_copy "8 0 8" '' --resume

# another parameter for the guests, the library, and a document that only tests of the host look at
DM_INTERPOSE_APPEND=x run_copy "8 0 0" "$all" --resume
echo '# changed' >>"$copy/tests/lib/device.sh"
run_copy "8 0 0" "$all" --resume
echo changed >>"$copy/tests/README.md"
run_copy "8 0 4" 'bad,host 1,host 2,host 3' --resume

# a guest that ends badly takes back what its tests have found
echo '# changed' >>"$copy/tests/lib/device.sh"
: >"$T_DIR/ends-badly"
run_copy "7 1 0" "$all"
rm "$T_DIR/ends-badly"
run_copy "8 0 4" 'guest 1,guest 2,guest 3' --resume

# a run that is killed after its first test in a guest; and one that was, before the guests had their own verdict
echo '# changed' >>"$copy/tests/lib/device.sh"
rm "$table"
run_killed 'guest 1,host 1,host 2,host 3' 4
run_copy "8 0 4" 'bad,guest 2,guest 3' --resume
sed -i '/\tthe guests stay alive/d' "$table"
run_copy "8 0 6" 'guest 1' --resume

# what changes while it runs counts for nothing
echo "echo '# more' >>$copy/tests/lib/device.sh" >"$T_DIR/changes"
sed -i "1r $T_DIR/changes" "$T_DIR/tests/host/number-1.sh"
run_copy "8 0 0" "$all"
((8 - $(tail -n 8 "$table" | cut -f5 | grep -c '^-$') < 4)) || fail "what ran beside the change is remembered"
known '0 passed, 0 failed, 0 skipped, 8 not run'

# parts
tests=0
for n in 1/3 2/3 3/3; do
	(in_copy --list --part $n) >"$report"
	cat "$report"
	tests=$((tests + $(grep -vc '^guest' "$report")))
done
equal "tests in three parts" 7 $tests
expect_error 'usage' -- tests/run --part 4/3
test_done
