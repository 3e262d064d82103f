#!/bin/bash
# Given a device that is backed up
# When a backup goes to standard output: to a program, to one that ends early, to a terminal, and with what does not fit
# Then it is all of the snapshot, bit for bit; a program that ends early makes it fail, and no snapshot is left; and the next
#   increment is as if it had not been
. tests/lib/test.sh
. tests/lib/backup.sh
requires qemu-img qemu-nbd python3 script

backup_setup 40000512
back_up --name a
keep_copy a
out() { "$BACKUP" backup --to - --hooks "$T_DIR/none" --ram "$SOURCE" "$@"; }

out | cmp - "$SOURCE" || fail "what was printed is another one"
"$BACKUP" backup --no-snapshot --limit 16M --to - "$SOURCE" | gzip | gunzip | cmp - "$SOURCE" || fail "with a limit it is another one"
status=0
out 2>"$T_DIR/said" > >(head -c 1000 >"$T_DIR/head") || status=$?
equal "status" 1 "$status"
grep -q "cannot write the output: Broken pipe" "$T_DIR/said" || fail "$(<"$T_DIR/said")"
equal "snapshots that are left" "" "$(<"$T_DIR/world/snapshots")"
for wrong in "--name x" "--keep 3" "--compress" "$T_DIR/copies/a"; do
	status=0
	# shellcheck disable=SC2086 # words
	out $wrong >"$T_DIR/out" 2>"$T_DIR/said" || status=$?
	equal "status with $wrong" 2 "$status"
	equal "what was printed with $wrong" "" "$(<"$T_DIR/out")"
done
script -qec "$BACKUP backup --to - --no-snapshot $SOURCE" /dev/null >"$T_DIR/said" </dev/null || true
grep -q "not for a terminal" "$T_DIR/said" || fail "$(head -c 300 "$T_DIR/said")"
write_at 70000 1
back_up --name b
keep_copy b
restores a b
equal "bytes of the increment" 65536 "$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["sources"][0]["bytes"])' "$STORE/b.json")"
test_done
