#!/bin/bash
# Given a chain of backups
# When there is another byte in an image, an image or a manifest is missing, a manifest is cut or lies, or an image has
#   another backing file
# Then verify finds it, in that backup, with the place; restore refuses it without --no-verify; and the others are good
. tests/lib/test.sh
. tests/lib/backup.sh
requires qemu-img qemu-nbd python3

backup_setup 12M
back_up --name a
keep_copy a
write_at 4100000 200000
back_up --name b
keep_copy b
write_at 8000000 100000
back_up --name c
cp -r "$STORE" "$T_DIR/sound"

# damaged NAME TEXT COMMAND…: what verify says then, and what is not restored
damaged() {
	local name=$1 text=$2 status=0
	rm -rf "$STORE"
	cp -r "$T_DIR/sound" "$STORE"
	"${@:3}"
	"$BACKUP" backup verify --progress none "$STORE" >"$T_DIR/said" 2>&1 || status=$?
	equal "status of verify, $text" 1 "$status"
	grep -qF "$text" "$T_DIR/said" || fail "wanted: $text; said: $(<"$T_DIR/said")"
	status=0
	"$BACKUP" restore "$STORE@$name" --progress none --to "$T_DIR/r" >"$T_DIR/said" 2>&1 || status=$?
	equal "status of restore, $text" 1 "$status"
	[[ ! -e $T_DIR/r && ! -e $T_DIR/r.unfinished ]] || fail "$text: something was restored"
}

# flip FILE OFFSET: within the cluster of the data at OFFSET of the source
flip() {
	local at byte
	at=$(qemu-img map --output=json "$STORE/$1" | jq -r --argjson at "$2" \
		'.[] | select(.depth == 0 and .start <= $at and .start + .length > $at) | .offset + $at - .start')
	byte=$(od -An -tu1 -j "$at" -N 1 "$STORE/$1")
	printf '%b' "\\x$(printf %x $((byte ^ 1)))" | dd of="$STORE/$1" bs=1 seek="$at" conv=notrunc status=none
}

cut() { truncate -s -40 "$STORE/$1"; }
lie() { sed -i 's/^\[4063232,\([0-9]*\),".*"/[4063232,\1,"'"$(printf '%064d' 0)"'"/' "$STORE/b.json"; }

damaged b "bytes at 4063232 are not what was written" flip b.disk.qcow2 4100000
restores a
damaged c "a.disk.qcow2: " flip a.disk.qcow2 1000000
damaged b "bytes at 4063232 are not what was written" lie
damaged b "b: its image b.disk.qcow2 is missing" rm "$STORE/b.disk.qcow2"
damaged c "c: the backup b, on which it is based, is missing" rm "$STORE/b.json"
damaged c "c: the backup b, on which it is based, is missing" mv "$STORE/b.json" "$T_DIR/away"
damaged b "b: its manifest b.json cannot be read, or is damaged" cut b.json
damaged b "its manifest b.json cannot be read, or is damaged" sed -i 's/"size":1/"size":-1/' "$STORE/b.json"
damaged b "its manifest b.json cannot be read, or is damaged" sed -i 's/"backing":"/"backing":"..\//' "$STORE/b.json"
damaged b "its manifest is of version 99" sed -i 's/"version":1/"version":99/' "$STORE/b.json"
damaged b "its backing file is '" qemu-img rebase -q -u -b c.disk.qcow2 -F qcow2 -f qcow2 "$STORE/b.disk.qcow2"
restores a
rm "$STORE/b.disk.qcow2"
"$BACKUP" backup list "$STORE" >"$T_DIR/said" 2>&1 && fail "list says that all is well"
rm -rf "$STORE"
cp -r "$T_DIR/sound" "$STORE"
flip b.disk.qcow2 4100000
"$BACKUP" restore "$STORE@b" --no-verify --progress none --to "$T_DIR/r"
cmp "$T_DIR/r" "$T_DIR/copies/b" >"$T_DIR/said" && fail "the byte was not changed: this test is broken"
test_done
