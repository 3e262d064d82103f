#!/bin/bash
# Given two workers and one group of tests, and guests made of paper: a script in the place of tools/vm/run
# When the worker that has nothing to do takes over from the guest of the other, and that guest or its own then dies
# Then each test is begun once, in one of two guests, or once more if its guest has died; and none goes missing
. tests/lib/test.sh
. tests/lib/meta.sh

fixtures=$T_DIR
mkdir -p "$T_DIR/tests/shell"
for n in 1{0..9}; do
	printf '# disks: virtio-blk (one group)\n. tests/lib/test.sh\ntest_done\n' >"$T_DIR/tests/shell/number-$n.sh"
done

# A guest that begins its first test, and goes on when there is another. It takes tests as guest-batch does. It ends when
# each test is begun, so that nothing is left to be taken over once more, however slow the other guest is.
cat >"$T_DIR/guest" <<'END'
#!/bin/bash
while [[ $1 != --share ]]; do shift; done
share=$2 all=$(dirname "$0") begun=0
echo "@@ boot $share"
while IFS=$'\t' read -r id limit command; do
	(set -C && : >"$share/$id.taken") 2>/dev/null || continue
	echo "@@ start $id"
	echo "$command" >>"$all/begun"
	if ((++begun == 1)); then
		: >"$all/guests/${share##*/}"
		until [[ $(ls "$all/guests" | wc -l) -ge 2 ]]; do sleep 0.1; done
	fi
	((begun < 2)) || [[ ${share##*/} != ${DIES:-} ]] || exit 98
	echo pass >"$share/$id.verdict"
	echo "@@ end $id"
done <"$share/plan"
until [[ $(wc -l <"$all/begun") -ge 10 ]]; do sleep 0.1; done
echo "@@ finished"
END
chmod +x "$T_DIR/guest"

# run_on_paper TESTS-BEGUN VARIABLE=VALUE…
run_on_paper() {
	local begun=$1
	shift
	rm -rf "$T_DIR/begun" "$T_DIR/guests"
	mkdir "$T_DIR/guests"
	run_fixtures tests DM_INTERPOSE_VM_RUN="$T_DIR/guest" DM_INTERPOSE_JOBS=2 DM_INTERPOSE_PATIENCE=1 "$@"
	reported_in_full
	equal "tests that are begun, of 10" 10 "$(sort -u "$T_DIR/begun" | wc -l)"
	equal "how often one is begun" "$begun" "$(wc -l <"$T_DIR/begun")"
	reported '^# guest 1\.1: debug  kernel, 10 tests'
	reported '^# guest 2\.1: debug  kernel, [45] tests'
}

run_on_paper 10
ended_with 0
reported '^11 passed, 0 failed, 0 skipped$'
equal "guests" 2 "$(grep -c '^# guest' "$report")"

for dies in vm-1.1 vm-2.1; do
	run_on_paper 10 DIES=$dies
	ended_with 1
	equal "guests when one of $dies dies" 3 "$(grep -c '^# guest' "$report")"
	reported '^not ok [0-9]+ - .*the guest died.*while this test ran'
	reported '^9 passed, 1 failed, 0 skipped$|^10 passed, 1 failed, 0 skipped$'
done
test_done
