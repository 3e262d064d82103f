#!/bin/bash
# timeout: 300
# Given a partition with a label that has a blank and one with UTF-8, a file system label, and mapped devices with a blank
#   and UTF-8 in their names
# When interposectl gets each of their names, numbers, links, tags, and what it has printed itself
# Then it means that device; a word for two devices, and one for none, are refused in one line
. tests/lib/test.sh
. tests/lib/interposectl.sh

# means DEVICE WORD…
means() {
	local dev=$1 word
	for word in "${@:2}"; do
		interposectl_status 0 --dry-run attach --name "$P-x" "$word"
		says " interpose $(kernel_node "$dev") "
	done
}

# refused TEXT WORD
refused() {
	interposectl_status 1 check "$2"
	says "$1"
	equal "lines about $2" 1 "$(wc -l <<<"$said")"
}

disk=$(scratch a)
printf 'label: gpt\nsize=64M, name="my disk"\nsize=64M, name="caf\303\251"\n' | sfdisk -q --wipe always "$disk"
dev=$(part "$disk" 1) two=$(part "$disk" 2)
wait_until "$two is there" 10 test -b "$two"
mkfs.ext4 -qF -L "my files" "$dev"
uuid=$(blkid -po value -s UUID "$dev")
mkdir -p "$T_DIR/links"
ln -s "$dev" "$T_DIR/links/my\\x20disk"
means "$dev" "$dev" "${dev#/dev/}" "$(devno "$dev")" "/dev/../dev/${dev##*/}" \
	"$T_DIR/links/my\\x20disk" "UUID=$uuid" "UUID=${uuid^^}" "LABEL=my files" 'LABEL=my\x20files' 'LABEL="my files"' \
	"PARTUUID=$(blkid -po value -s PART_ENTRY_UUID "$dev")" "PARTLABEL=my disk" 'PARTLABEL=my\x20disk'
means "$two" $'PARTLABEL=caf\303\251'
interposectl_status 0 attach "LABEL=my files"
cleanup dm_remove_if_there "interpose-${dev##*/}"
interposectl_status 0 list -n -o DEVICE,MAJ:MIN
for word in $said "UUID=$uuid"; do
	interposectl_status 0 status "$word"
	says "interpose-${dev##*/}"
done
refused "is already interposed" "$dev"
interposectl_status 0 detach "PARTLABEL=my disk"

for name in "a blank" $'caf\303\251' 'is\x20written'; do
	cleanup dm_remove_if_there "$P-$name"
	dmsetup create "$P-$name" --table "0 8192 linear $two 0"
	node=/dev/$(dmsetup info -c --noheadings -o blkdevname "$P-$name")
	means "$node" "$P-$name" "${node#/dev/}" "/dev/mapper/$P-$name"
	interposectl_status 0 attach "$P-$name"
	interposectl_status 0 list -n -o NAME,DEVICE
	read -r interposer column <<<"$said"
	dmsetup remove "$interposer"
	means "$node" "$column" "/dev/mapper/$column"
	dmsetup remove "$P-$name"
done

mkfs.ext4 -qF -U "$uuid" -L "my files" "$two"
refused " have UUID=$uuid; name one of them" "UUID=$uuid"
refused "$two" "LABEL=my files"
wipefs -qa "$two"
refused "no block device has LABEL=nobody" LABEL=nobody
refused "there is no device 'nosuch'" nosuch
refused "/dev/nosuch: No such file" /dev/nosuch
refused "there is no block device 4000:1" 4000:1
refused "is not a block device" /dev/null
refused "is a file, not a block device" "$T_FILE"
refused "name the device" /proc
test_done
