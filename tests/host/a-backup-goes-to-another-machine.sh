#!/bin/bash
# tier: full
# timeout: 600
# Given a device that is backed up, and another machine, of which ssh is a program of this test
# When full backups and increments are sent there, also to a directory that is used from both sides, and the connection is
#   lost at any moment, or either end is killed at any step, or interrupted
# Then each complete backup is the device as it was and an increment sends what has changed; of others nothing is left but
#   unfinished files, no snapshot stays, and the next increment has all of it
. tests/lib/test.sh
. tests/lib/backup.sh
requires qemu-img qemu-nbd python3

backup_setup 12M
mkdir "$T_DIR/remote" "$T_DIR/bin"
export STORE="$T_DIR/it's a store"
cat >"$T_DIR/remote/interposectl" <<'END'
#!/bin/bash
# That of the other machine
exec env ${THERE:-} "$BACKUP-killed" "$@"
END
cat >"$T_DIR/bin/ssh" <<'END'
#!/bin/bash
echo "$*" >>"$T_DIR/ssh"
[[ ! ${GREETING:-} ]] || echo "$GREETING"
PATH=$T_DIR/remote:$PATH
if [[ ${LOST:-} ]]; then head -c "$LOST" | sh -c "${!#}"; else exec sh -c "${!#}"; fi
END
chmod +x "$T_DIR/remote/interposectl" "$T_DIR/bin/ssh"
export PATH=$T_DIR/bin:$PATH
send() {
	"$BACKUP-killed" backup --hooks "$T_DIR/none" --ram --progress none --to "ssh://me@host:2222$STORE" "$SOURCE" "$@" \
		>"$T_DIR/out" 2>"$T_DIR/said"
}
no_snapshot() { [[ ! -s $T_DIR/world/snapshots ]]; }
bytes() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["sources"][0]["bytes"])' "$STORE/$1.json"; }
# One line of errors of ours, of which this is a part
one_error() {
	grep -q -- "$1" "$T_DIR/said" || fail "there is no '$1': $(<"$T_DIR/said")"
	equal "snapshots that are left" "" "$(<"$T_DIR/world/snapshots")"
}

send --name a || fail "$(<"$T_DIR/said")"
keep_copy a
grep -q "^-o ServerAliveInterval=15 .*-p 2222 -- me@host interposectl backup receive" "$T_DIR/ssh" || fail "$(<"$T_DIR/ssh")"
grep -q "full backup of" "$T_DIR/out" || fail "$(<"$T_DIR/out")"
write_at 5000000 100000
send --name b || fail "$(<"$T_DIR/said")"
keep_copy b
write_at 70000 1
back_up --name c >"$T_DIR/out"
keep_copy c
zero_at 3400000 200000
"$BACKUP" backup --no-snapshot --compress --keep 3 --name d \
	--receiver "PATH=$T_DIR/remote:\$PATH interposectl backup receive \"\$STORE\"" "$SOURCE" >"$T_DIR/out"
keep_copy d
equal "those that are kept" "b c d" "$(good_ones)"
equal "bytes of an increment" 65536 "$(bytes c)"
(($(bytes d) <= 5 * 65536)) || fail "$(bytes d) bytes were sent"
restores b c d
"$BACKUP" backup verify --progress none "ssh://host$STORE@d" >"$T_DIR/out"
grep -q "d is good" "$T_DIR/out" || fail "$(<"$T_DIR/out")"
"$BACKUP" backup prune --keep 2 "ssh://host$STORE"
[[ $("$BACKUP" backup list --json "ssh://host$STORE") == *'"c"'* && $(good_ones) == "c d" ]] || fail "of b c d are left $(good_ones)"
restores c d
! "$BACKUP" restore --to "$T_DIR/restored" "ssh://host$STORE" 2>"$T_DIR/said" || fail "it restores from there"
one_error "restore takes a directory, and not ssh://"
rm -rf "$STORE"/[bc].* # of d remains nothing that is good
rm "$STORE"/d.*
send --name a

note "the connection is lost"
keep_copy e
for lost in 0 10 200 5000 100000 2000000 4400000; do
	! LOST=$lost send --full --name e || fail "lost after $lost bytes, it is complete"
	one_error "no backup was made\|does not answer"
	equal "what is left after $lost bytes" "a.disk.qcow2 a.json" "$(cd "$STORE" && echo *)"
	rm -f "$STORE"/a.*
	send --name a
done

keep_copy a

note "each end is killed"
write_at 6000000 5000000
keep_copy e
for who in HERE THERE; do
	for ((at = 1; ; at++)); do
		status=0
		if [[ $who == HERE ]]; then
			KILL_AT=$at send --name e || status=$?
			in_time 60 flock "$STORE/.interpose-backup.lock" true
		else
			THERE=KILL_AT=$at send --name e || status=$?
		fi
		case $(good_ones) in
		a | "a e") ;;
		*) fail "$who killed at step $at: good are $(good_ones)" ;;
		esac
		((status != 0)) || break
		send --name f || fail "$who killed at step $at, the next one fails: $(<"$T_DIR/said")"
		[[ $(echo "$STORE"/*) != *.unfinished* ]] || fail "what is left: $(echo "$STORE"/*)"
		cp "$T_DIR/copies/e" "$T_DIR/copies/f"
		((at % 3)) || restores f
		rm -f "$STORE"/[ef].*
	done
	((at > 4)) || fail "there were only $at steps"
	rm -f "$STORE"/[ef].*
done
wait_until "no snapshot is left" 60 no_snapshot
status=0
INTERRUPT_AT=4 send --name e || status=$?
equal "status of one that is interrupted" 3 "$status"
in_time 60 flock "$STORE/.interpose-backup.lock" true
equal "what is left of it" "a.disk.qcow2 a.json" "$(cd "$STORE" && echo *)"

note "what does not fit"
! GREETING="Welcome!" send --name e || fail "a greeting was taken for the receiver"
one_error "does not answer as interposectl backup receive does"
for wrong in ssh:// ssh:///dir ssh://host ssh://host/ ssh://-oProxyCommand=x/dir ssh://me@host:x/dir ssh://@:1/dir; do
	status=0
	"$BACKUP" backup --ram --to "$wrong" "$SOURCE" 2>"$T_DIR/said" || status=$?
	equal "status of $wrong" 1 "$status"
	one_error "is not ssh://"
done
receive() {
	python3 -c '
import json, sys
part = {"source": "/dev/x", "word": "x", "file": "y.x.qcow2", "size": 1 << 20, "bytes": 4096, "extents": [[0, 4096, "0" * 64]]}
begin = {"version": 1, "compress": False, "keep": 0, "backup": {"version": 1, "name": "y", "sequence": 1, "made": "2026", "sources": [part]}}
exec(sys.argv[1])
text = json.dumps(begin).encode()
sys.stdout.buffer.write(b"IPBACKUP%016x" % len(text) + text + b"\0" * 5000)' "$1" |
		"$BACKUP" backup receive "$STORE" 2>"$T_DIR/said" >"$T_DIR/out" || true
	grep -q "is not understood" "$T_DIR/said" || fail "$1: $(<"$T_DIR/said")"
	equal "what is there after $1" "a.disk.qcow2 a.json" "$(cd "$STORE" && echo *)"
}
for hostile in 'part["file"] = "../y.x.qcow2"' 'part["word"] = "../x"' 'part["file"] = "a.disk.qcow2"' 'begin["backup"]["name"] = "a"' \
	'begin["backup"]["name"] = "../a"' 'part["backing"] = "/etc/shadow"' 'part["parent"] = "a"' 'part["merging"] = "a.disk.qcow2"' \
	'part["parent"] = "a"; part["backing"] = "a.disk.qcow2"' 'part["extents"] = [[0, 1 << 20, None]]' 'part["size"] = 0' \
	'part["extents"] = [[1 << 22, 4096, "0" * 64]]' 'part["size"] = 1 << 40; part["extents"] = [[0, 1 << 30, "0" * 64]]' \
	'begin["backup"]["made"] = "\",\"x"' 'begin["version"] = 2' ''; do
	receive "$hostile"
done
restores a
test_done
