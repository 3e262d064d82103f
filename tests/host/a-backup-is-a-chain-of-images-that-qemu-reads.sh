#!/bin/bash
# Given a source whose changes are tracked, with data, zeroes and a size that is no multiple of anything
# When it is backed up in full, and then again after some writes, some zeroes, and nothing
# Then each backup is restored, by us and by qemu-img alone, as the source was then; an increment reads what has changed
#   and no more; and compressed ones, and those of several sources, are as good
. tests/lib/test.sh
. tests/lib/backup.sh
requires qemu-img qemu-nbd python3

backup_setup 40000512

bytes_of() { python3 -c 'import json, sys; print(*(p["bytes"] for p in json.load(open(sys.argv[1]))["sources"]))' "$STORE/$1.json"; }

back_up --name first >"$T_DIR/said"
grep -q 'full backup of .* (there is no good backup of this series yet)' "$T_DIR/said" || fail "$(<"$T_DIR/said")"
keep_copy first
write_at 100000 10
write_at 39999000 1512
zero_at 4000000 1000000
back_up --name second
keep_copy second
# one block, the last one, which is shorter, and those of the zeroes
equal "bytes that were read" "$((65536 + 40000512 - 39999000 / 65536 * 65536 + 16 * 65536))" "$(bytes_of second)"
back_up --name third
keep_copy third
equal "bytes that were read of what has not changed" 0 "$(bytes_of third)"
write_at 13100000 5000000
back_up --name fourth --compress
keep_copy fourth
restores first second third fourth
equal "how the images are chained" "fourth.disk.qcow2 third.disk.qcow2 second.disk.qcow2 first.disk.qcow2" \
	"$(qemu-img info --backing-chain --output=json "$STORE/fourth.disk.qcow2" | jq -r '.[].filename' | xargs -n 1 basename | xargs)"
"$BACKUP" backup verify --progress none "$STORE" >"$T_DIR/said"
equal "good" 4 "$(grep -c ' is good$' "$T_DIR/said")"

# Two sources, one that can be compressed, and a rate
printf "%03000000d" 7 >"$T_DIR/other"
begun=$SECONDS
"$BACKUP" backup --no-snapshot --progress none --compress --limit 16M --name both --to "$T_DIR/two" "$T_DIR/other" "$T_DIR/copies/first"
((SECONDS > begun)) || fail "43 MB at 16 MiB a second took no second"
(($(stat -c '%b' "$T_DIR/two/both.other.qcow2") * 512 < 1000000)) || fail "it is not compressed"
for source in other first; do
	"$BACKUP" restore "$T_DIR/two" --progress none --source "$source" --to "$T_DIR/one"
	[[ $source == other ]] || cmp "$T_DIR/one" "$T_DIR/copies/first"
	[[ $source == first ]] || cmp "$T_DIR/one" "$T_DIR/other"
	rm "$T_DIR/one"
done
test_done
