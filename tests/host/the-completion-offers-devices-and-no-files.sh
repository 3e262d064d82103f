#!/bin/bash
# Given the completion for bash, in a directory with files that begin like everything else
# When a line is completed
# Then what is offered are commands, options, devices, mount points, interposers, targets, snapshots and columns, and of
#   files only those that are the value of an option; each command and option of interposectl is among them, and each
#   target that the document has as an inner target, loaded or not
. tests/lib/test.sh

# What it asks, and the world it looks at
mkdir -p "$T_DIR"/{bin,files,sys/class/block/{vda,dm-0/dm,dm-1/dm,interpose0,'cciss!c0d0'},proc/self}
made -C userspace O="$T_DIR/build" "$T_DIR/build/interposectl"
cat >"$T_DIR/bin/interposectl" <<'END'
case "$*" in
*"--output NAME") printf 'interpose-vda1  \nother\n' ;;
*"--output DEVICE") printf 'vda1\nvg0-home\n' ;;
*"--output MOUNTPOINT") printf '/mnt/a b  \n[SWAP]\n' ;;
"snapshot --list") printf 'NAME DEVICE\nsnap1 vda1\nsnap2 vda1\n' ;;
esac
END
printf 'echo "linear           v1.4.0"\necho "interpose v1.0.0"\necho "zoned v1"\necho "vdo v1"\n' >"$T_DIR/bin/dmsetup"
printf 'echo "  vg0"\n' >"$T_DIR/bin/vgs"
chmod +x "$T_DIR"/bin/*
for disk in "$T_DIR"/sys/class/block/*; do
	echo 8 >"$disk/size"
done
echo vg0-home >"$T_DIR/sys/class/block/dm-0/dm/name"
echo LVM-x >"$T_DIR/sys/class/block/dm-0/dm/uuid"
echo interpose-vda1 >"$T_DIR/sys/class/block/dm-1/dm/name"
echo INTERPOSE-TARGET-x >"$T_DIR/sys/class/block/dm-1/dm/uuid"
printf '%s\n' '1 0 254:0 / /mnt/a\040b rw - ext4 /dev/vda rw' '2 0 0:5 / /proc rw - proc proc rw' \
	'3 0 0:40 / /data rw - btrfs /dev/vdb rw' >"$T_DIR/proc/self/mountinfo"
printf '# x\nhome /dev/vda1 - linear\n' >"$T_DIR/tab"
export INTERPOSECTL_SYS=$T_DIR/sys INTERPOSECTL_PROC=$T_DIR/proc INTERPOSECTL_TAB=$T_DIR/tab PATH=$T_DIR/bin:$PATH
touch "$T_DIR"/files/{a,l,s,v,-x,vda,snap,NAME,linear,/dev} 2>/dev/null || true

# completes LINE WORD…: the last word of LINE; "" at its end is a new word
completes() {
	local COMP_WORDS COMP_CWORD COMPREPLY COMP_WORDBREAKS=$' \t\n"'
	read -ra COMP_WORDS <<<"interposectl $1"
	[[ $1 != *' ' && $1 ]] || COMP_WORDS+=("")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	(cd "$T_DIR/files" && _interposectl && printf '%s\n' "${COMPREPLY[@]}") >"$T_DIR/offered" || true
	equal "what is offered for '$1'" "$(printf '%s\n' "${@:2}")" "$(<"$T_DIR/offered")"
}

# shellcheck source=userspace/completion/interposectl
. userspace/completion/interposectl
completes "" attach backup changed check detach help list monitor pin recover restore snapshot start status stop track unpin version
completes "st" start status stop
completes "-q unp" unpin
completes "help sna" snapshot
devices=('/data' '/dev/cciss/c0d0' '/dev/mapper/vg0-home' '/dev/vda' '/mnt/a\ b')
completes "attach " "${devices[@]}"
completes "attach --pin /m" '/mnt/a\ b'
completes "attach --name x /dev/v" /dev/vda
completes "attach /dev/vda e" ebs era error
completes "attach /dev/vda l" linear log-writes
completes "attach /dev/vda v" vdo verity
completes "attach /dev/vda z" zero
completes "attach /dev/vda i" integrity
completes "attach /dev/vda linear " "${devices[@]}"
completes "check /dev/vda /dev/m" /dev/mapper/vg0-home
completes "snapshot --cow " "${devices[@]}"
completes "snapshot --vg " vg0
completes "snapshot --remove " snap1 snap2
completes "snapshot --size " ""
completes "snapshot --timeout 5 --vg " vg0
completes "--json li" list
completes "--output NAME li" list
completes "--timeout 5 sn" snapshot
completes "monitor " snap1 snap2
for command in detach status pin unpin changed; do
	completes "$command " '/dev/mapper/vda1' '/dev/mapper/vg0-home' '/mnt/a\ b' interpose-vda1 other
done
completes "track " off on refresh status
completes "track on " "${devices[@]}"
completes "track on --meta " "${devices[@]}"
completes "start " home
completes "stop " home interpose-vda1 other
completes "list " ""
completes "list --output US" USE USED%
completes "list -o NAME,USE" NAME,USE NAME,USED%
completes "changed --format j" json
completes "list --no" --noheadings
completes "snapshot --file v" ""
completes "start --tab sn" snap
mapfile -t commands < <("$T_DIR/build/interposectl" help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p')
((${#commands[@]} > 12)) || fail "the commands are not found: this test is broken"
for command in "${commands[@]}"; do
	[[ $(_interposectl_commands) == *"$command"* ]] || fail "the command $command is not offered"
	for option in $("$T_DIR/build/interposectl" help "$command" | grep -oE -- '^[^A-Z]*--[a-z-]+' | grep -oE -- '--[a-z-]+' || true); do
		[[ " $(_interposectl_options "$command") " == *[[:space:]]"$option"[[:space:]]* ]] ||
			fail "$option of $command is not offered"
	done
done
types=$(sed -n 's/^\([a-z-]*\)[: ].*/\1/p' tests/matrix/targets | sort -u)
refused=$(awk '$2 == "refused" { print $1 }' tests/matrix/targets | sort)
[[ $types && $refused ]] || fail "no targets are found: this test is broken"
equal "the targets that are offered, of those that are tested and documented" \
	"$(comm -23 <(echo "$types") <(echo "$refused"))" "$(_interposectl_targets | grep -vx vdo | sort -u)"
for column in $("$T_DIR/build/interposectl" help list | sed -n '/^Columns: /,/\./ { s/Columns: //; s/\. .*//; p }'); do
	[[ $(_interposectl_columns "") == *"$column"* ]] || fail "the column $column is not offered"
done
test_done
