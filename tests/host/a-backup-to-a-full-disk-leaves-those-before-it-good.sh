#!/bin/bash
# may-skip: without root no small file system can be mounted
# Given a directory with room for a backup and not much more
# When the next one does not fit, in its image or in its manifest
# Then it fails with one line that says so, leaves nothing, and those before are good; when there is room, the next one has
#   all that was written since the last good one
. tests/lib/test.sh
. tests/lib/backup.sh
requires qemu-img qemu-nbd python3

backup_setup 40M
mkdir "$STORE"
mount -t tmpfs -o size=12M none "$STORE" 2>"$T_DIR/said" || unmet "cannot mount: $(<"$T_DIR/said")"
cleanup umount "$STORE"
back_up --name a
keep_copy a
write_at 20000000 9000000
status=0
back_up --name b >"$T_DIR/said" 2>&1 || status=$?
equal "status" 1 "$status"
grep -q "No space left on device" "$T_DIR/said" || fail "$(<"$T_DIR/said")"
equal "lines that it said" 1 "$(wc -l <"$T_DIR/said")"
equal "what is there" "a.disk.qcow2 a.json" "$(cd "$STORE" && echo *)"
restores a
mount -o remount,size=40M "$STORE"
write_at 1000 1
back_up --name c
keep_copy c
restores a c
test_done
