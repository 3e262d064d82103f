#!/bin/bash
# tier: full
# Given a device that is backed up with --metrics, to a directory with an odd name
# When a full backup and an increment are made, one fails, and the file cannot be written
# Then the file is what Prometheus reads, says what became of the last one, and keeps the time of the last complete one; and
#   a backup whose file cannot be written fails, and is there
. tests/lib/test.sh
. tests/lib/backup.sh
requires qemu-img qemu-nbd python3

backup_setup 8M
export STORE="$T_DIR/a \"store\""
metrics=$T_DIR/backup.prom
backs_up() { "$BACKUP" backup --ram --hooks "$T_DIR/none" --progress none --to "$STORE" --metrics "$metrics" "$SOURCE" "$@" >"$T_DIR/said" 2>&1; }

# value METRIC: of the only line with it, when each line is well formed
value() {
	python3 - "$metrics" "interposectl_backup_$1" "$STORE" <<-'END'
		import re, sys
		line = re.compile(r'([a-z_]+)\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+)\} ([0-9]+)\n')
		found = []
		for text in open(sys.argv[1]):
		    if text.startswith("# "):
		        assert re.match(r"# (HELP|TYPE) interposectl_backup_[a-z_]+ .", text), text
		        continue
		    name, labels, value = line.fullmatch(text).groups()
		    assert 'to="%s"' % sys.argv[3].replace('"', '\\"') in labels, labels
		    if name == sys.argv[2]:
		        found.append(value + (" " + re.search('kind="([a-z]*)"', labels)[1] if "kind" in labels else ""))
		print(*found)
	END
}

backs_up || fail "$(<"$T_DIR/said")"
equal "success, and what was read" "1, 8388608 full" "$(value success), $(value read_bytes)"
write_at 100000 1
backs_up || fail "$(<"$T_DIR/said")"
equal "what an increment has read" "65536 increment" "$(value read_bytes)"
last=$(value last_success_timestamp_seconds)
(($(date +%s) - last < 3600)) || fail "it was made at $last"
touch "$T_DIR/world/overflows"
! backs_up || fail "without a snapshot, it is complete"
equal "success, the last one, and what was read" "0 $last " "$(value success) $(value last_success_timestamp_seconds) $(value read_bytes)"
rm "$T_DIR/world/overflows"
metrics=$T_DIR/none/backup.prom
! backs_up --name c || fail "its file cannot be written, and nothing is said"
grep -q "cannot write $metrics: No such file" "$T_DIR/said" || fail "$(<"$T_DIR/said")"
[[ $(good_ones) == *" c" ]] || fail "good are only $(good_ones)"
test_done
