#!/bin/bash
# tier: full
# timeout: 300
# Given a mounted ext4 under load
# When interposectl attaches its device, lists it and detaches it, by its name, its node and its mount point
# Then the list says what dmsetup says, no I/O fails, and nothing is left
. tests/lib/test.sh
. tests/lib/interposectl.sh

disk=$(scratch a)
dev=$(partition "$disk" 100)
at=$(mkfs_mounted ext4 "$dev")
fio_verify_start load "$at" --size=16M
for by in "$P-x" "$dev" "$at"; do
	cleanup dm_remove_if_there "$P-x"
	interposectl_status 0 attach --name "$P-x" "$at"
	wait_redirected x
	interposectl_status 0 list -n -o NAME,DEVICE,STATE,INNER,BENEATH,PINNED
	read -ra words <<<"$said"
	equal "the list" "$P-x ${dev##*/} attached linear interpose0 no" "${words[*]}"
	interposectl_status 0 list --json
	says_json "\"name\":\"$P-x\"" '"pinned":false' "\"maj:min\":\"$(devno "$dev")\""
	interposectl_status 0 status "$by"
	says "state:       attached"
	interposectl_status 0 detach "$by"
	not dm_exists "$P-x"
done
interposectl_status 0 list --noheadings
equal "the empty list" "" "$said"
fio_verify_stop load
umount "$at"
fsck_clean "$dev"
test_done
