# shellcheck shell=bash
# Backups without a guest: of files, with an interposectl of our own that records what was written and makes snapshots as
# copies.
#
#   backup_setup            builds the program, and puts a source into $SOURCE
#   write_at OFFSET BYTES   random bytes, recorded as era does
#   zero_at OFFSET BYTES
#   back_up ARGUMENT…       the source, to $STORE, as it is
#   keep_copy NAME          what the backup NAME has to be
#   restores NAME…          each of them, by restore and by qemu-img alone

backup_setup() {
	BACKUP=$T_DIR/build/interpose-backup SOURCE=$T_DIR/disk STORE=$T_DIR/store
	made -C userspace/backup O="$T_DIR/build" SAN=1 "$BACKUP" "$BACKUP-killed" >"$T_DIR/made" 2>&1 ||
		fail "$(<"$T_DIR/made")"
	mkdir -p "$T_DIR"/{copies,world,dev/mapper}
	: >"$T_DIR/world/log"
	echo 1 >"$T_DIR/world/era"
	echo 5f0c >"$T_DIR/world/uuid"
	cat >"$T_DIR/interposectl" <<-'END_OF_FAKE'
		#!/bin/bash
		# What interposectl answers, of a device that is tracked
		set -eu
		W=$T_DIR/world
		refuse() { echo "interposectl: $*" >&2; exit "${STATUS:-4}"; }
		[[ $1 != *[a-z]* || ! -e $W/log ]] || echo "$*" >>"$W/calls"
		case "$1 ${2:-}" in
		"check --json") printf '{"version":1,"findings":[{"device":"/dev/%s"}]}' "${3##*/}" ;;
		"changed --mark")
			[[ ! -e $W/untracked ]] || refuse "$3 does not track changes"
			era=$(($(<"$W/era") + 1))
			echo "$era" >"$W/era"
			if [[ -e $W/classic ]]; then echo "$era"; else echo "$(<"$W/uuid"):$era"; fi
			;;
		"changed --since")
			[[ ! -e $W/gap ]] || refuse "$6: full backup needed: it was mounted without the interposer"
			since=${3#*:}
			((since <= $(<"$W/era"))) || refuse "$6: full backup needed: era $since has not been"
			awk -v since="$since" 'BEGIN { printf "{\"version\":1,\"ranges\":[" }
				$1 >= since { printf "%s{\"start\":%s,\"length\":%s}", n++ ? "," : "", $2, $3 }
				END { print "]}" }' "$W/log"
			;;
		"snapshot --name")
			[[ ! -e $W/overflows ]] || refuse "no space for a snapshot"
			[[ ! -e $W/hangs ]] || sleep "$(<"$W/hangs")"
			name=$3
			echo "snapshot of $(<"$W/frozen" tr '\n' ' ')" >>"$W/moments"
			devices=()
			for word; do [[ $word != "$T_DIR"/* ]] || devices+=("$word"); done
			for device in "${devices[@]}"; do
				snap=$name
				((${#devices[@]} == 1)) || snap=$name-${device##*/}
				cp --sparse=always "$device" "$T_DIR/dev/mapper/$snap"
				echo "$snap ${device##*/}" >>"$W/snapshots"
			done
			;;
		"snapshot --list")
			awk 'BEGIN { printf "{\"version\":1,\"snapshots\":[" }
				{ printf "%s{\"name\":\"%s\",\"device\":\"%s\"}", n++ ? "," : "", $1, $2 }
				END { print "]}" }' "$W/snapshots"
			;;
		"snapshot --remove")
			rm -f "$T_DIR/dev/mapper/$3"*
			sed -i "/^$3[- ]/d" "$W/snapshots"
			;;
		*) refuse "unknown: $*" ;;
		esac
	END_OF_FAKE
	chmod +x "$T_DIR/interposectl"
	: >"$T_DIR/world/snapshots"
	: >"$T_DIR/world/frozen"
	export INTERPOSECTL=$T_DIR/interposectl DM_DEV_DIR=$T_DIR/dev ASAN_OPTIONS=detect_leaks=1
	export BACKUP SOURCE STORE
	truncate -s "${1:-40M}" "$SOURCE"
	write_at 0 1500000
	write_at 3345678 3000000
}

# Recorded in blocks of 64 KiB
record() {
	local first=$(($1 / 65536)) last=$((($1 + $2 - 1) / 65536))
	echo "$(<"$T_DIR/world/era") $((first * 65536)) $(((last - first + 1) * 65536))" >>"$T_DIR/world/log"
}

write_at() {
	record "$1" "$2"
	head -c "$2" /dev/urandom | dd of="$SOURCE" bs=64K oflag=seek_bytes seek="$1" conv=notrunc status=none
}

zero_at() {
	record "$1" "$2"
	head -c "$2" /dev/zero | dd of="$SOURCE" bs=64K oflag=seek_bytes seek="$1" conv=notrunc status=none
}

back_up() {
	"$BACKUP" backup --no-snapshot --progress none --to "$STORE" "$SOURCE" "$@"
}

keep_copy() {
	cp --sparse=always "$SOURCE" "$T_DIR/copies/$1"
}

# As it was then: by us, and by who knows nothing of us
restores() {
	local name
	for name; do
		rm -f "$T_DIR/restored"
		"$BACKUP" restore "$STORE@$name" --progress none --to "$T_DIR/restored" >"$T_DIR/said" || fail "$name is not restored"
		cmp "$T_DIR/restored" "$T_DIR/copies/$name" || fail "restored, $name is another one"
		qemu-img convert -f qcow2 -O raw "$STORE/$name".*.qcow2 "$T_DIR/restored"
		cmp -n "$(stat -c %s "$T_DIR/copies/$name")" "$T_DIR/restored" "$T_DIR/copies/$name" ||
			fail "qemu-img reads another $name"
	done
	rm -f "$T_DIR/restored"
}

# names of the good ones, in their order
good_ones() {
	"$BACKUP" backup list --json "$STORE" 2>/dev/null | python3 -c '
import json, sys
print(*(b["name"] for b in json.load(sys.stdin)["backups"] if b["good"]))'
}
