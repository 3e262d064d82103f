#!/bin/bash
# Given a backup of a source whose changes are tracked
# When the next one cannot know all that was written since: other metadata, no identity, no tracking at all, a gap, an era
#   that has not been, another size, an answer that is none, or a backup before that is damaged
# Then the next backup is full, says why, and is right; and afterwards there are increments again
. tests/lib/test.sh
. tests/lib/backup.sh
requires qemu-img qemu-nbd python3

backup_setup 8M
world=$T_DIR/world
n=0

# full_because TEXT: the next one; it was written to behind everybody's back
full_because() {
	n=$((n + 1))
	head -c 70000 /dev/urandom | dd of="$SOURCE" bs=64K oflag=seek_bytes seek=$((n * 300000)) conv=notrunc status=none
	back_up --name "n$n" >"$T_DIR/said"
	grep -qF "full backup of $SOURCE ($1" "$T_DIR/said" || fail "wanted: $1; said: $(<"$T_DIR/said")"
	cmp "$SOURCE" <("$BACKUP" restore "$STORE@n$n" --progress none --to "$T_DIR/r" >"$T_DIR/said" && cat "$T_DIR/r") || fail "$1: it is another one"
	rm "$T_DIR/r"
}

# increment: the next one
increment() {
	n=$((n + 1))
	write_at 200000 5
	back_up --name "n$n" >"$T_DIR/said"
	grep -qF "which have changed since n$((n - 1))" "$T_DIR/said" || fail "$(<"$T_DIR/said")"
	cmp "$SOURCE" <("$BACKUP" restore "$STORE@n$n" --progress none --to "$T_DIR/r" >"$T_DIR/said" && cat "$T_DIR/r") || fail "it is another one"
	rm "$T_DIR/r"
}

full_because "there is no good backup of this series yet"
increment
echo 77aa >"$world/uuid"
full_because "there is no good backup of this series yet"
increment
touch "$world/gap"
full_because "$SOURCE: full backup needed: it was mounted without the interposer"
rm "$world/gap"
increment
touch "$world/classic"
full_because "its changes are recorded, but without an identity"
rm "$world/classic"
touch "$world/untracked"
full_because "$SOURCE does not track changes"
rm "$world/untracked"
# the point of the last one that has one is still good
write_at 0 8388608
back_up --name fresh >"$T_DIR/said"
grep -qF "which have changed since n6" "$T_DIR/said" || fail "$(<"$T_DIR/said")"
echo 2 >"$world/era"
full_because "$SOURCE: full backup needed: era "
n=$((n + 1))
truncate -s 9M "$SOURCE"
back_up --name "n$n" >"$T_DIR/said"
grep -qF "(its size was 8388608 bytes and is 9437184)" "$T_DIR/said" || fail "$(<"$T_DIR/said")"
increment
sed -i 's/version\\":1,\\"ranges/version\\":2,\\"ranges/' "$T_DIR/interposectl"
full_because "the answer of interposectl changed is not understood"
sed -i 's/version\\":2,\\"ranges/version\\":1,\\"ranges/' "$T_DIR/interposectl"
increment
for file in "$STORE"/*.json; do
	echo "{" >"$file"
done
full_because "there is no good backup of this series yet"
increment
n=$((n + 1))
back_up --full --name "n$n" >"$T_DIR/said"
grep -qF "full backup of $SOURCE (as was asked for)" "$T_DIR/said" || fail "$(<"$T_DIR/said")"
increment
test_done
