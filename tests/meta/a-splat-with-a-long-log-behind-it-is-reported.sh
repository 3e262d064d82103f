#!/bin/bash
# Given a guest (made of paper: a script in the place of QEMU) that has a splat in its console log and much behind it
# When tools/vm/run judges it
# Then it shows the splat and exits with 99
. tests/lib/test.sh

mkdir "$T_DIR/kernel" "$T_DIR/kernel/modules"
: >"$T_DIR/kernel/vmlinux"
{
	echo '#!/bin/bash'
	# shellcheck disable=SC2016 # for the script to expand
	echo 'while [[ $1 != -serial ]]; do shift; done'
	# shellcheck disable=SC2016
	echo '{ echo "WARNING: CPU: 0 PID: 1 at paper.c:1"; seq -f "line %.0f of the log" 50000; } >"${2#file:}"'
} >"$T_DIR/qemu"
chmod +x "$T_DIR/qemu"

status=0
QEMU=$T_DIR/qemu tools/vm/run --kernel-dir "$T_DIR/kernel" --console "$T_DIR/console.log" true 2>"$T_DIR/said" || status=$?
cat "$T_DIR/said" >&2
equal "exit status of tools/vm/run" 99 "$status"
grep -q 'WARNING: CPU: 0 PID: 1 at paper.c:1' "$T_DIR/said" || fail "the splat is not shown"
test_done
