#!/bin/bash
# timeout: 200
# Given a logical volume, and a raid1 of MD, under verified loads
# When the physical volume and a member of the array are interposed, suspended, snapshotted, reloaded and freed
# Then each bio of those above is counted once, the snapshot does not change, no I/O fails, and every block is verified
. tests/lib/test.sh
. tests/lib/device.sh
requires_target interpose snapshot snapshot-origin flakey

# counts_all: what passes the hook is what the iostat of the mapped device grows by. MD also writes superblocks, with a
# flush before the data: device-mapper counts both.
counts_all() {
	local v ios=() sum=() i last passed held
	for i in 0 1; do
		wait_redirected x 100
		suspend_until_all_waits x
		read -r _ _ _ _ _ _ passed held _ <<<"$last"
		ios[i]=$((passed - held))
		read -ra v <"$(sysfs_dir "/dev/mapper/$P-x")/stat"
		sum[i]=$((v[0] + v[4]))
		dmsetup resume "$P-x"
	done
	((ios = ios[1] - ios[0], sum = sum[1] - sum[0]))
	note "$ios bios, $sum in the iostat"
	((sum == ios || sum > ios && sum < ios + 20 && ${1:-0})) || fail "$ios bios, but $sum in the iostat"
}

# interposed_beneath DEV [1 for superblocks]
interposed_beneath() {
	local dev=$1 size sum snap beneath
	note "beneath: $dev"
	size=$(sectors "$dev")
	interpose x "$dev" linear "$dev" 0 >/dev/null
	counts_all "${2:-}"
	dm_reload x "0 $size interpose $dev flakey $dev 0 3600 0" # has an end_io method
	wait_redirected x
	dm_reload x "0 $size interpose $dev snapshot-origin"
	wait_redirected x
	beneath=$(interposer_beneath x)
	dmsetup suspend --nolockfs "$P-x"
	snap=$(dm_create snap "0 $size snapshot $beneath $(disk b) N 8")
	sum=$(device_sum "$snap" 16)
	dmsetup resume "$P-x"
	wait_redirected x 100
	equal "the snapshot" "$sum" "$(device_sum "$snap" 16)"
	[[ $sum != "$(device_sum "$beneath" 16)" ]] || fail "nothing was written: the test is broken"
	dmsetup remove "$snap"
	dmsetup remove "$P-x"
}

cleanup dm_remove_if_there "$P-snap"
scratch b >/dev/null
make_lv
fio_verify_start volume "$DEV" --size=4M
interposed_beneath "$(disk a)"
fio_verify_stop volume
member=$(partition "$(scratch c)" 66)
DEV=$(md_create 1 "$member" "$(partition "$(scratch d)" 66)" --assume-clean --bitmap=none)
fio_verify_start array "$DEV" --size=4M
interposed_beneath "$member" 1
fio_verify_stop array
test_done
