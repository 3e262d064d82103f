#!/bin/bash
# Given an interposed partition, its disk, its bypass disk, its mapped device, a zoned device and a free partition
# When interposectl checks and attaches them
# Then it refuses all but the free partition, with exit status 1 and a remedy, before anything is changed; of a physical
#   volume it says what line lvm.conf needs, as documented
. tests/lib/test.sh
. tests/lib/interposectl.sh

refused() {
	local what=$1 dev=$2
	interposectl_status 1 check --json "$dev"
	says_json '"level":"refuse"' "\"what\":\"$what\""
	interposectl_status 1 attach --name "$P-y" "$dev"
	not dm_exists "$P-y"
}

disk=$(scratch a)
dev=$(partition "$disk" 64 64)
interpose x "$dev" >/dev/null
refused interposed "$dev"
refused overlap "$disk"
refused bypass "$(interposer_beneath x)"
refused control-only "/dev/mapper/$P-x"
zoned=$(null_blk_create zoned size=64 zoned=1 zone_size=4)
refused zoned "$zoned"
interposectl_status 0 check "${dev%1}2"
says "ok" "can be interposed"
interposectl_status 2 check
interposectl_status 2 attach
interposectl_status 2 frobnicate
interposectl_status 1 detach "$P-nothing"
says "interposectl list"
pvcreate -qq --config 'devices/use_devicesfile=0' "${dev%1}2" >"$T_DIR/pv.log" 2>&1
interposectl_status 0 check "${dev%1}2"
line=$(sed -n 's/^  \(global_filter = .*\)/\1/p' Documentation/admin-guide/device-mapper/dm-interpose.rst)
[[ $line ]] || fail "the document has no filter line"
says "note" "physical volume" "devices { $line }"
interposectl_status 0 attach --name "$P-pv" "${dev%1}2"
says "physical volume" "devices { $line }"
interposectl_status 0 -q detach "$P-pv"
interposectl_status 0 --dry-run snapshot --ram "${dev%1}2"
says "physical volume" "devices { $line }" "dmsetup create"
test_done
