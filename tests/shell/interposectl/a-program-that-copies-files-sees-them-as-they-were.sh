#!/bin/bash
# tier: full
# timeout: 600
# Given a mounted ext4 and a mounted XFS, a repository of restic, and a hook that writes to both after the instant
# When "backup run" runs restic on both, and other programs, one of which outlives it
# Then restic has the files as they were, from the paths where they are; everybody else sees them as they are; a program
#   cannot write to what it sees, its exit status is passed on, and no snapshot is left
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot
requires restic qemu-img

no_snapshot() { [[ $("$INTERPOSECTL" snapshot --list 2>&1) == *"there are no snapshots"* ]]; }

# passes_on STATUS PROGRAM…
passes_on() {
	local status=0
	said=$("$INTERPOSECTL" "${run[@]}" "$xfs" -- "${@:2}" 2>&1) || status=$?
	note "$said"
	equal "status of ${*:2}" "$1" "$status"
}

interposectl_cleans
first=$(partition "$(scratch a)" 48 320 48)
ext4=$(mkfs_mounted ext4 "$first")
xfs=$(mkfs_mounted xfs "${first%1}2")
mkdir "$T_DIR/hooks" "$T_DIR/look"
cat >"$T_DIR/hooks/write" <<-END
	#!/bin/bash
	echo "\$1" >>"$T_DIR/called"
	[[ \$1 != thaw ]] || echo new | tee "$ext4/file" >"$xfs/file"
END
chmod +x "$T_DIR/hooks/write"
echo old | tee "$ext4/file" >"$xfs/file"
run=(backup run --ram --size 16M --hooks "$T_DIR/hooks")
export RESTIC_PASSWORD=secret RESTIC_REPOSITORY=$T_DIR/repository RESTIC_CACHE_DIR=$T_DIR/cache
restic -q init
interposectl_status 0 "${run[@]}" "$ext4" "$xfs" -- restic -q backup "$ext4" "$xfs"
restic -q restore latest --target "$T_DIR/restored"
equal "in the repository" "old old" "$(<"$T_DIR/restored$ext4/file") $(<"$T_DIR/restored$xfs/file")"
equal "now" "new new" "$(<"$ext4/file") $(<"$xfs/file")"
equal "the hook was called with" "freeze thaw" "$(xargs <"$T_DIR/called")"
no_snapshot || fail "a snapshot is left"
# shellcheck disable=SC2016 # for the shell in there
interposectl_status 3 "${run[@]}" --at "$T_DIR/look" "$xfs" -- bash -c '! touch ".$0/x" && [[ $PWD == "$1" ]] && cat ".$0/file" && exit 3' \
	"$xfs" "$T_DIR/look"
says new "Read-only file system"
equal "what the others see there" "" "$(ls "$T_DIR/look")"
passes_on 127 "$T_DIR/none"
says "cannot run $T_DIR/none: No such file"
# shellcheck disable=SC2016 # for the shell in there
passes_on 143 bash -c 'kill $$'
interposectl_status 1 "${run[@]}" "${first%1}3" -- true
says "no file system on it is mounted"
interposectl_status 2 "${run[@]}" "$xfs"
says "the program is missing"
interposectl_status 0 --dry-run "${run[@]}" "$xfs" -- touch "$T_DIR/dry"
[[ ! -e $T_DIR/dry ]] || fail "it was run with --dry-run"
no_snapshot || fail "a snapshot is left"
echo old >"$ext4/file"
# shellcheck disable=SC2016 # for the shell in there
"$INTERPOSECTL" "${run[@]}" "$ext4" -- bash -c 'trap "" TERM; touch "$0/begun"; until [[ -e $0/go ]]; do sleep 0.2; done; cat "$1/file" >"$0/seen"' \
	"$T_DIR" "$ext4" >"$T_DIR/out" 2>&1 &
wait_until "the program runs" 120 test -e "$T_DIR/begun"
kill -KILL $!
wait $! || true
touch "$T_DIR/go"
wait_until "the snapshot is removed" 120 no_snapshot
equal "what the program saw, when the other one was gone" old "$(<"$T_DIR/seen")"
test_done
