#!/bin/bash
# tier: full
# timeout: 120
# Given a mounted ext4 with an interposer, under verified load
# When the interposer is renamed while it is attached and while it is suspended, and is given a UUID
# Then it goes on under the new name with what it has counted and with its table, a name that is taken is refused, and
#   no I/O fails
. tests/lib/test.sh

dev=$(partition "$(scratch a)" 128)
at=$(mkfs_mounted ext4 "$dev")
fio_verify_start load "$at"
interpose x "$dev"
wait_redirected x
table=$(dmsetup table "$P-x")
before=$(interposer_redirected x)

cleanup dm_remove_if_there "$P-y"
dmsetup rename "$P-x" "$P-y"
expect_error "Device does not exist" -- dmsetup status "$P-x"
(($(interposer_redirected y) >= before)) || fail "it has forgotten what it has redirected"
wait_redirected y
equal "table" "$table" "$(dmsetup table "$P-y")"
[[ -b /dev/mapper/$P-y && ! -e /dev/mapper/$P-x ]] || fail "the node has not got the new name"

dmsetup suspend "$P-y"
cleanup dm_remove_if_there "$P-z"
dmsetup rename "$P-y" "$P-z"
equal "state" held "$(interposer_state z)"
dmsetup resume "$P-z"
wait_redirected z

linear_create taken "$(scratch b)" >/dev/null
expect_error "rename" EBUSY -- dmsetup rename "$P-z" "$P-taken"
dmsetup rename "$P-z" --setuuid "$P-uuid"
wait_redirected z
dmsetup suspend -u "$P-uuid"
dmsetup resume -u "$P-uuid"
wait_redirected z
dmsetup remove -u "$P-uuid"
wait_io "$dev"
fio_verify_stop load
umount "$at"
fsck_clean "$dev"
test_done
