#!/bin/bash
# tier: full
# timeout: 400
# Given an application that writes to two SQLite databases on an ext4, first to one and then to the other, and that can be
#   stopped between the two
# When the file system is backed up while it is there, without a hook and with the example in freeze.d
# Then without it the databases in the backup contradict each other; with it they agree, as the hook waits for the second
#   commit and keeps the application from the next one; and it goes on afterwards. If a database cannot be locked, there is
#   no backup, and it is said which
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot
requires qemu-img qemu-nbd python3

cat >"$T_DIR/application" <<'END'
import os, sqlite3, sys, time
at, go = sys.argv[1:]
a, b = (sqlite3.connect(f"{at}/{name}", timeout=600, isolation_level=None) for name in ("a", "b"))
n = 0
while True:
    n += 1
    for each in a, b:
        each.execute("BEGIN IMMEDIATE")
        each.execute("UPDATE counter SET n = ?", (n,))
    a.execute("COMMIT")
    while os.path.exists(go + ".stop"):
        open(go + ".stopped", "w").close()
        time.sleep(0.05)
    b.execute("COMMIT")
    time.sleep(0.05)
END

value() { python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1], timeout=600).execute("SELECT n FROM counter").fetchone()[0])' "$1"; }

# in_backup NAME: both counters
in_backup() {
	interposectl_status 0 restore --no-verify --to "$T_DIR/restored" --yes "$T_DIR/store@$1"
	mount -o loop "$T_DIR/restored" "$T_DIR/see"
	counters="$(value "$T_DIR/see/a") $(value "$T_DIR/see/b")"
	umount "$T_DIR/see"
	rm "$T_DIR/restored"
}

stop_between() {
	touch "$T_DIR/go.stop"
	wait_until "it is between the two" 120 test -e "$T_DIR/go.stopped"
}

backup() {
	interposectl_status "$1" backup --ram --size 16M --to "$T_DIR/store" --hook-timeout 200 --name "$2" --hooks "$T_DIR/$3" "$at"
}

interposectl_cleans
dev=$(partition "$(scratch a)" 24)
at=$(mkfs_mounted ext4 "$dev")
mkdir "$T_DIR"/{see,none,freeze.d}
cleanup unmount_if_there "$T_DIR/see"
for name in a b; do
	python3 -c 'import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute("CREATE TABLE counter (n)"); d.execute("INSERT INTO counter VALUES (0)"); d.commit()' "$at/$name"
done
python3 "$T_DIR/application" "$at" "$T_DIR/go" &
application=$!
cleanup kill_and_wait "$application"
kill_and_wait() { kill "$1" 2>/dev/null || true; wait "$1" || true; }

stop_between
backup 0 without none
in_backup without
note "without the hook: $counters"
[[ ${counters% *} -eq $((${counters#* } + 1)) ]] || fail "the application was not between the two: this test is broken"
rm "$T_DIR/go.stop" "$T_DIR/go.stopped"

# first, what lets it go on; then the example
printf '#!/bin/sh\nrm -f "%s"\n' "$T_DIR/go.stop" >"$T_DIR/freeze.d/10-go"
cp userspace/backup/examples/sqlite "$T_DIR/freeze.d/20-sqlite"
chmod +x "$T_DIR"/freeze.d/*
export SQLITE_LIST=$T_DIR/list SQLITE_PID=$T_DIR/pid
printf '%s\n' "$at/b" "$at/a" >"$T_DIR/list"
stop_between
backup 0 with freeze.d
in_backup with
note "with it: $counters"
equal "the counters" "${counters% *}" "${counters#* }"
now=$(value "$at/a")
[[ $now -ge ${counters% *} ]]
goes_on() { (($(value "$at/a") > now + 1)); }
wait_until "the application goes on" 120 goes_on

echo "$at/c" >>"$T_DIR/list"
backup 1 wrong freeze.d
says "20-sqlite freeze has failed" "$at/c: there is no such file"
wait_until "the application goes on" 120 goes_on
kill_and_wait "$application"
umount "$at"
fsck_clean "$dev"
test_done
