#!/bin/bash
# tier: full
# timeout: 600
# Given a database that has to be told of the moment, by a command and by programs in a directory, and a source to which is
#   written after it
# When a backup takes its snapshot: all goes well, a hook fails or does not end, there is no space, the data cannot be
#   written, and it is killed before each step
# Then the snapshot is taken between "freeze" and "thaw" alone; it is thawed, and the snapshot is removed, in any case; a
#   failed one leaves those before it; and what is in a good one is the source at that moment
# shellcheck disable=SC2016 # what hooks expand
. tests/lib/test.sh
. tests/lib/backup.sh
requires qemu-img qemu-nbd python3

backup_setup 8M
world=$T_DIR/world
mkdir "$T_DIR/hooks"
cat >"$T_DIR/hooks/10-database" <<-'END_OF_HOOK'
	#!/bin/bash
	echo "$1" >>"$T_DIR/world/hooked"
	case $1 in
	freeze) echo database >>"$T_DIR/world/frozen" ;;
	thaw) : >"$T_DIR/world/frozen" ;;
	esac
	[[ ! -e $T_DIR/world/hook-$1 ]] || . "$T_DIR/world/hook-$1"
END_OF_HOOK
printf '#!/bin/bash\necho "20 $1" >>"$T_DIR/world/hooked"\n' >"$T_DIR/hooks/20-other"
chmod +x "$T_DIR"/hooks/*
cp "$T_DIR/hooks/20-other" "$T_DIR/hooks/20-other.dpkg-old"
cp "$T_DIR/hooks/20-other" "$T_DIR/hooks/not-executable"
chmod -x "$T_DIR/hooks/not-executable"

# moment PROGRAM ARGUMENT…: its status; what it says is in said
moment() {
	local status=0
	: >"$world/hooked"
	: >"$world/moments"
	"$1" backup --ram --hooks "$T_DIR/hooks" --exec-before 'echo before >>$T_DIR/world/hooked' --progress none \
		--exec-after 'echo after >>$T_DIR/world/hooked' --to "$STORE" "$SOURCE" "${@:2}" >"$T_DIR/said" 2>&1 || status=$?
	echo "$status"
}

# It need not be over at once when its own process is gone
passed() {
	[[ ! -s $world/snapshots && ! -s $world/frozen ]] && ! compgen -G "$T_DIR/dev/mapper/*" >"$T_DIR/left"
}

equal "status" 0 "$(moment "$BACKUP" --name a)"
equal "hooks" "before freeze 20 freeze thaw 20 thaw after" "$(xargs <"$world/hooked")"
equal "the database at the moment" "snapshot of database" "$(xargs <"$world/moments")"
passed || fail "something is left: $(<"$world/snapshots")"
keep_copy a
restores a

# fails TEXT HOOKED ARGUMENT…
fails() {
	equal "status" 1 "$(moment "$BACKUP" --name b "${@:3}")"
	grep -qF -- "$1" "$T_DIR/said" || fail "wanted: $1; said: $(<"$T_DIR/said")"
	equal "hooks, $1" "$2" "$(xargs <"$world/hooked")"
	passed || fail "$1: something is left"
	equal "good ones" a "$(good_ones)"
}

echo 'exit 1' >"$world/hook-freeze"
fails "$T_DIR/hooks/10-database freeze has failed" "before freeze thaw 20 thaw after"
equal "snapshots" "" "$(<"$world/moments")"
echo 'sleep 1000' >"$world/hook-freeze"
# as long as the other programs need for certain
be_patient
limit=$((3 * patience))
fails "$T_DIR/hooks/10-database freeze took longer than $limit seconds, and was killed" "before freeze thaw 20 thaw after" \
	--hook-timeout "$limit"
rm "$world/hook-freeze"
echo 'exit 1' >"$world/hook-thaw"
fails "$T_DIR/hooks/10-database thaw has failed" "before freeze 20 freeze thaw 20 thaw after"
rm "$world/hook-thaw"
touch "$world/overflows"
fails "no space for a snapshot" "before freeze 20 freeze thaw 20 thaw after"
rm "$world/overflows"

# Killed before each step; what is written to the source meanwhile is not in it
for ((at = 1; ; at++)); do
	write_at 2000000 1000
	status=$(KILL_AT=$at moment "$BACKUP-killed" --name b)
	((status != 0)) || break
	equal "status at step $at" 137 "$status"
	wait_until "it has passed" 30 passed
	good=$(good_ones)
	[[ $good == a || $good == "a b" ]] || fail "step $at: good are $good"
	[[ ! -s $world/moments || $(<"$world/hooked") == *thaw* ]] || fail "step $at: it was not thawed"
	rm -f "$STORE"/b.*
done
((at > 10)) || fail "only $at steps: this test is broken"
keep_copy b
restores b

# Killed while a hook is at it, which would go on to freeze, and while the snapshot is made
killed_when() {
	: >"$world/hooked"
	: >"$world/calls"
	"$BACKUP" backup --ram --hooks "$T_DIR/hooks" --hook-timeout 1000 --name c --to "$STORE" "$SOURCE" >"$T_DIR/said" 2>&1 &
	wait_until "it is at it" 60 grep -q "$2" "$1"
	kill -KILL $!
	wait $! || true
	wait_until "it has passed" 60 passed
}
# shellcheck disable=SC2016 # for the hook
echo 'echo $$ >"$T_DIR/world/hook"; echo waits >>"$T_DIR/world/hooked"; sleep 1000; echo late >>"$T_DIR/world/frozen"' >"$world/hook-freeze"
killed_when "$world/hooked" waits
is_gone() { ! kill -0 "$(<"$world/hook")"; }
wait_until "the hook is gone" 60 is_gone
passed || fail "it froze after it was thawed"
rm "$world/hook-freeze"
echo 3 >"$world/hangs"
killed_when "$world/calls" "snapshot --name"
wait_until "the snapshot that came after that is removed" 60 grep -q "snapshot --remove" "$world/calls"
passed || fail "something is left: $(<"$world/snapshots")"
[[ $(<"$world/moments") ]] || fail "there was no snapshot: this test is broken"
rm "$world/hangs"

# Several sources at once, and while it is read, the source is written to
cp "$SOURCE" "$T_DIR/second"
cp "$SOURCE" "$T_DIR/copies/both"
"$BACKUP" backup --ram --hooks "$T_DIR/hooks" --progress none --name both --to "$T_DIR/two" "$SOURCE" "$T_DIR/second" \
	--exec-after "head -c 4000000 /dev/zero | dd of=$SOURCE bs=64K conv=notrunc status=none"
equal "snapshots" 1 "$(grep -c 'snapshot --name.*disk.*second' "$world/calls")"
for word in disk second; do
	"$BACKUP" restore "$T_DIR/two" --source "$word" --progress none --to "$T_DIR/r"
	cmp "$T_DIR/r" "$T_DIR/copies/both"
	rm "$T_DIR/r"
done
passed || fail "something is left"
test_done
