#!/bin/bash
# tier: full
# timeout: 200
# Given a mounted ext4 under verified load, on a mapped device with an interposer
# When the device grows, the interposer is suspended and resumed, gets a table of the new length, and the file system
#   grows
# Then a longer table is refused before the device has grown; afterwards each step works, what is written at the new end
#   goes through the interposer and is there without it, and nothing fails
. tests/lib/test.sh

disk=$(scratch a)
old=163840 new=360448
low=$(linear_create low "$disk" 2048 "$old")
at=$(mkfs_mounted ext4 "$low")
fio_verify_start load "$at" --size=8M
interpose x "$low"
wait_redirected x
longer="0 $new interpose $low linear $low 0"
expect_error "has $old sectors" EINVAL -- dmsetup load "$P-x" <<<"$longer"

dm_reload low "0 $new linear $disk 2048"
dmsetup suspend "$P-x"
dmsetup resume "$P-x"
equal "state with the old table" attached "$(interposer_state x)"
wait_redirected x
dm_reload x "$longer"
equal "size beneath" "$new" "$(sectors "$(interposer_beneath x)")"
resize2fs "$low" 2>"$T_DIR/resize2fs.log"
before=$(io_stat "/dev/mapper/$P-x" write_sectors)
random_fill "$at/big" 80 # more than there was in all
(($(io_stat "/dev/mapper/$P-x" write_sectors) >= before + 163840)) || fail "not all of it went through the interposer"
sum=$(device_sum "$at/big")
fio_verify_stop load
dmsetup remove "$P-x"
umount "$at"
fsck_clean "$low"
mount "$low" "$at"
equal "checksum of what was written at the new end" "$sum" "$(device_sum "$at/big")"
umount "$at"
test_done
