#!/bin/bash
# timeout: 200
# Given a mounted ext4, with descriptors open that nobody has closed for other programs
# When it is attached, pinned, listed, unpinned, a snapshot is made in a volume group and removed, and it is detached, with
#   options before and after the commands
# Then each says so in one line, with --quiet in none, and LVM says nothing of descriptors; the list has sizes, who uses
#   it, and JSON with numbers and arrays; what does not exist fails
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot
requires lvm python3

lvm_gone() {
	vgremove -qq --force "$P" >"$T_DIR/vgremove.log" 2>&1 || true
}

# one_line TEXT ARGUMENT…
one_line() {
	interposectl_status 0 "${@:2}"
	equal "what ${*:2} says" "$1" "$said"
}

export LVM_SYSTEM_DIR=$T_DIR/lvm
mkdir "$LVM_SYSTEM_DIR"
spare=$(scratch b)
cat >"$LVM_SYSTEM_DIR/lvm.conf" <<END
	devices { filter=["a|^$spare\$|", "r|.*|"] use_devicesfile=0 obtain_device_list_from_udev=0 }
	activation { udev_sync=0 udev_rules=0 monitoring=0 }
	backup { backup=0 archive=0 }
END
cleanup lvm_gone
interposectl_cleans
vgcreate -qq --yes "$P" "$spare" >"$T_DIR/lvm.log" 2>&1
dev=$(partition "$(scratch a)" 64)
at=$(mkfs_mounted ext4 "$dev")
exec {one}<"$T_FILE" {two}<"$dev"
name=interpose-${dev##*/}

one_line "nothing is interposed" list
one_line "" list --quiet
one_line "$dev is interposed by $name" attach "$at"
one_line "$name is pinned; to undo this: interposectl unpin $name" pin "${dev##*/}"
interposectl_status 1 detach "$dev"
not dmsetup remove "$name" 2>"$T_DIR/log"
interposectl_status 0 list
read -ra words <<<"${said#*$'\n'}"
equal "the list" "$name ${dev##*/} 64M attached linear yes ext4 $at" "${words[*]}"
one_line "$name is no longer pinned" unpin "$(devno "$dev")"
one_line "" unpin "$name" --quiet
one_line "dmsetup remove --retry $name" detach "$at" --dry-run
one_line "$dev is no longer interposed" detach "UUID=$(blkid -po value -s UUID "$dev")"

interposectl_status 0 snapshot --name "snapshot1" --size 16M --vg "/dev/$P" "$at"
[[ $said != *[Dd]escriptor* && $said != *"ogical volume"* && $said != *WARNING* ]] || fail "LVM is heard: $said"
volume=$(lvs --noheadings -o lv_name "$P" 2>"$T_DIR/log" | tr -d ' ')
[[ $volume != snapshot* ]] || fail "the volume has a name of LVM's: $volume"
interposectl_status 0 list --json
python3 -c '
import json, sys
j = json.load(sys.stdin)
i, = j["interposers"]
assert type(j["version"]) is int
assert i["size"] == 64 << 20 and i["snapshots"] == ["snapshot1"] and i["pinned"] is False, i
assert type(i["redirected"]) is int and 0 <= i["used%"] < 50 and i["use"] == "ext4", i
assert i["maj:min"] == sys.argv[1] and i["mountpoint"] == sys.argv[2], i' "$(devno "$dev")" "$at" <<<"$said"
one_line "snapshot snapshot1 is removed" snapshot --remove snapshot1
one_line "there are no snapshots of interposed devices" snapshot --list
one_line "nothing to clean up" recover

for command in status detach stop pin unpin changed monitor "snapshot --remove"; do
	# shellcheck disable=SC2086 # two words
	interposectl_status 1 $command "$P-nosuch"
	says "$P-nosuch"
	equal "lines of $command" 1 "$(wc -l <<<"$said")"
done
exec {one}<&- {two}<&-
vgremove -qq --force "$P" 2>"$T_DIR/log"
umount "$at"
test_done
