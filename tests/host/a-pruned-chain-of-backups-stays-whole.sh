#!/bin/bash
# tier: full
# timeout: 600
# Given five backups, of which each one writes parts of what the others have, and zeroes
# When old ones are pruned: at once, one by one, by age, and killed before each step; when one has two on which it is based
# Then those that stay are what they were, verified with the new checksums too, and read by qemu-img alone; a prune that was
#   killed is finished by the next one; and no file is left of those that are gone
. tests/lib/test.sh
. tests/lib/backup.sh
requires qemu-img qemu-nbd python3

prune() { "$BACKUP" backup prune "$STORE" "$@" >"$T_DIR/said"; }
sound() {
	equal "good ones" "$*" "$(good_ones)"
	restores "$@"
	"$BACKUP" backup verify --progress none "$STORE" >"$T_DIR/said" || fail "verify: $(<"$T_DIR/said")"
}

backup_setup 24M
for name in a b c d e; do
	back_up --name "$name" >"$T_DIR/said"
	keep_copy "$name"
	write_at $((RANDOM * 100)) 300000
	write_at $((4194304 * 3 - 100000)) 200000
	zero_at $((3400000 + RANDOM * 10)) 400000
	write_at $((20000000 + RANDOM * 10)) 1000
done
cp -r "$STORE" "$T_DIR/five"

prune --keep 5
sound a b c d e
prune --keep 4
sound b c d e
prune --days 1
sound b c d e
sed -i 's/"made":"20../"made":"2019/' "$STORE/c.json" "$STORE/b.json"
prune --days 1
sound d e
prune --keep 1
sound e
equal "the files" "e.disk.qcow2 e.json" "$(cd "$STORE" && echo *)"
write_at 7000000 100000
back_up --name f --keep 1
keep_copy f
sound f

# Killed before each step
for ((at = 1; ; at++)); do
	rm -rf "$STORE"
	cp -r "$T_DIR/five" "$STORE"
	status=0
	KILL_AT=$at "$BACKUP-killed" backup prune "$STORE" --keep 4 >"$T_DIR/said" 2>&1 || status=$?
	((status != 0)) || break
	equal "status at step $at" 137 "$status"
	good=$(good_ones)
	[[ $good == "a b c d e" || $good == "b c d e" ]] || fail "step $at: good are $good"
	# shellcheck disable=SC2086 # words
	restores b c
	"$BACKUP" backup verify --progress none "$STORE" >"$T_DIR/said" 2>&1 || fail "step $at: $(<"$T_DIR/said")"
	prune --keep 4
	restores b c d e
	equal "what is there after step $at" "b.disk.qcow2 b.json c.disk.qcow2 c.json d.disk.qcow2 d.json e.disk.qcow2 e.json" \
		"$(cd "$STORE" && echo *)"
	equal "that is unfinished" 0 "$(grep -c '"merging":"' "$STORE"/*.json | grep -vc ':0$' || true)"
done
((at > 8)) || fail "only $at steps: this test is broken"

# A damaged one is not merged into one that is good
rm -rf "$STORE"
cp -r "$T_DIR/five" "$STORE"
printf 'x' | dd of="$STORE/a.disk.qcow2" bs=1 seek=$(($(stat -c %s "$STORE/a.disk.qcow2") - 2000)) conv=notrunc status=none
sed -i 's/^\(\[[0-9]*,[0-9]*,"\)....*"/\1'"$(printf '%064d' 1)"'"/' "$STORE/a.json"
"$BACKUP" backup prune "$STORE" --keep 4 >"$T_DIR/said" 2>&1 && fail "it was merged"
grep -q "the checksum differs" "$T_DIR/said" || fail "$(<"$T_DIR/said")"
equal "good ones" "a b c d e" "$(good_ones)"
test_done
