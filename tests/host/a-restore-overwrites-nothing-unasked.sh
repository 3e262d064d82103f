#!/bin/bash
# Given a backup
# When it is restored to a file that is there, to a directory, to one that is not there, or while a backup is being made
# Then nothing is changed, with one line that says why; with --yes the file is replaced, at once; and a second backup to the
#   same directory waits for its turn
. tests/lib/test.sh
. tests/lib/backup.sh
requires qemu-img qemu-nbd python3

backup_setup 8M
back_up --name a
keep_copy a
echo precious >"$T_DIR/file"

# refuses TEXT ARGUMENT…
refuses() {
	local status=0
	"$BACKUP" restore --progress none "${@:2}" >"$T_DIR/out" 2>"$T_DIR/said" </dev/null || status=$?
	((status == 1 || status == 2)) || fail "status $status of: ${*:2}"
	grep -qF -- "$1" "$T_DIR/said" || fail "wanted: $1; said: $(<"$T_DIR/said")"
}

refuses "all of $T_DIR/file would be overwritten; if that is what you want, add --yes" "$STORE" --to "$T_DIR/file"
equal "the file" precious "$(<"$T_DIR/file")"
refuses "is neither a file nor a block device" "$STORE" --to "$T_DIR"
refuses "No such file or directory" "$STORE" --to "$T_DIR/nowhere/file"
refuses "there is no backup b in $STORE" "$STORE@b" --to "$T_DIR/new"
refuses "there is no other in the backup a" "$STORE" --source other --to "$T_DIR/new"
refuses "No such file or directory" "$T_DIR/none" --to "$T_DIR/new"
refuses "there is no backup in $T_DIR/copies" "$T_DIR/copies" --to "$T_DIR/new"
refuses "--to DEVICE or FILE is missing" "$STORE"
refuses "give one DIR or DIR@NAME" --to "$T_DIR/new"
refuses "$STORE/a.disk.qcow2 is among the backups" "$STORE" --yes --to "$STORE/a.disk.qcow2"
[[ ! -e $T_DIR/new ]] || fail "something was restored"
"$BACKUP" restore "$STORE" --progress none --yes --to "$T_DIR/file"
cmp "$T_DIR/file" "$T_DIR/copies/a"

exec {lock}>"$STORE/.interpose-backup.lock"
flock "$lock"
refuses "$STORE is in use by another backup, restore or prune" "$STORE" --to "$T_DIR/new"
status=0
back_up 2>"$T_DIR/said" || status=$?
equal "status of a second backup" 1 "$status"
grep -qF "is in use by another backup, restore or prune; wait until that has ended" "$T_DIR/said" || fail "$(<"$T_DIR/said")"
test_done
