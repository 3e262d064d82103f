#!/bin/bash
# timeout: 120
# Given a verity device, unused and mounted, and a mapped device that becomes one
# When it is to be interposed, with a read-only table or not; when the mapped device becomes verity between load and
#   resume, or while it is interposed; and when a linear device on a verity device is interposed
# Then that is refused at load or resume with EPERM, and nothing has come of it, or, where it was interposed before, its
#   I/O fails until the interposer is removed; nobody ever sees other data there than what was signed. The linear
#   device, which vouches for nothing, can be interposed
. tests/lib/test.sh
. tests/lib/refusals.sh
requires_target verity
requires veritysetup

data=$(scratch a) hashes=$(scratch b) evil=$(scratch c)
mkfs.ext4 -qF -b 4096 "$data" 4096
at=$T_DIR/mnt
mkdir "$at"
cleanup unmount_if_there "$at"
mount "$data" "$at"
echo "what was signed" >"$at/file"
umount "$at"
dd if="$data" bs=1M count=16 status=none | sed 's/what was signed/what was FORGED/' |
	dd of="$evil" bs=1M iflag=fullblock conv=fsync status=none
[[ $(device_sum "$data" 16) != "$(device_sum "$evil" 16)" ]] || fail "nothing was forged: the test is broken"
root=$(veritysetup format --data-blocks=4096 "$data" "$hashes" | sed -n 's/^Root hash:[[:space:]]*//p')
salt=$(veritysetup dump "$hashes" | sed -n 's/^Salt:[[:space:]]*//p')
table="0 32768 verity 1 $data $hashes 4096 4096 4096 1 sha256 $root $salt"
signed=$(device_sum "$data" 16)
verity=$(dm_create verity "$table" --readonly)
inner="linear $evil 0"

reason="is a verity device: nobody may replace its data"
# refused_all: in each way
refused_all() {
	refused "$reason" EPERM "0 32768 interpose $verity $inner" --readonly
	refused "$reason" EPERM "0 32768 interpose $verity $inner"
	refused "$reason" EPERM "0 32768 interpose $verity linear $verity 0" --readonly
	equal "the data" "$signed" "$(device_sum "$verity")"
}

refusals_begin
refused_all
mount -o ro,noload "$verity" "$at"
refused_all
equal "file" "what was signed" "$(<"$at/file")"
umount "$at"

# becomes verity after the load, or after the attach
plain=$(dm_create plain "0 32768 linear $data 0" --readonly)
cleanup dm_remove_if_there "$P-x"
dmsetup remove "$verity"
dmsetup create "$P-x" --notable --readonly
dmsetup load --readonly "$P-x" --table "0 32768 interpose $plain $inner"
dmsetup load --readonly "$plain" --table "$table"
dmsetup suspend "$plain"
dmsetup resume "$plain"
expect_error "$reason" EPERM -- dmsetup resume "$P-x"
dmsetup remove "$P-x"
equal "the data" "$signed" "$(device_sum "$plain")"

dmsetup remove "$plain"
plain=$(dm_create plain "0 32768 linear $data 0" --readonly)
dm_create x "0 32768 interpose $plain $inner" --readonly >/dev/null
equal "what the interposer shows" "$(device_sum "$evil" 16)" "$(device_sum "$plain")"
dmsetup load --readonly "$plain" --table "$table"
dmsetup suspend "$plain"
dmsetup resume "$plain"
expects_dmesg 'Buffer I/O error on dev dm-'
expect_error "Input/output error" -- dd if="$plain" of=/dev/null bs=4k count=1 iflag=direct
not mount -o ro,noload "$plain" "$at"
dmsetup remove "$P-x"
equal "the data" "$signed" "$(device_sum "$plain")"

upper=$(dm_create upper "0 32768 linear $plain 0" --readonly)
dmsetup create "$P-x" --readonly --table "0 32768 interpose $upper linear $upper 0"
equal "the data above" "$signed" "$(device_sum "$upper")"
dmsetup remove "$P-x"
test_done
