#!/bin/bash
# timeout: 240
# Given a logical volume, and a raid1 of MD, under verified loads
# When the physical volume and a member of the array are interposed, suspended, snapshotted, reloaded and freed, with bios
#   mapped where they are (the module's parameter "direct") and without
# Then each bio of those above is counted once, the snapshot does not change, no I/O fails, and every block is verified
. tests/lib/test.sh
. tests/lib/device.sh
requires_target interpose snapshot snapshot-origin flakey

# counts_all DEV: what passes the hook is what the iostat of the mapped device grows by
counts_all() {
	local v now ios=() sum=() i
	for i in 0 1; do
		wait_redirected x 100
		dmsetup suspend --noflush --nolockfs "$P-x"
		ios[i]=$(($(interposer_redirected x) - $(interposer_held x)))
		read -ra v <"$(sysfs_dir "/dev/mapper/$P-x")/stat"
		now=$((v[0] + v[4] + v[15]))
		sum[i]=$now
		dmsetup resume "$P-x"
	done
	equal "I/Os in the iostat" $((ios[1] - ios[0])) $((sum[1] - sum[0]))
}

# interposed_beneath DEV DIRECT
interposed_beneath() {
	local dev=$1 size sum snap beneath
	note "beneath: $dev, direct: $2"
	echo "$2" >"$direct"
	size=$(sectors "$dev")
	interpose x "$dev" linear "$dev" 0 >/dev/null
	counts_all
	dm_reload x "0 $size interpose $dev flakey $dev 0 3600 0" # has an end_io method
	wait_redirected x
	dm_reload x "0 $size interpose $dev snapshot-origin"
	wait_redirected x
	beneath=$(interposer_beneath x)
	dmsetup suspend --nolockfs "$P-x"
	snap=$(dm_create snap "0 $size snapshot $beneath $(disk b) N 8")
	sum=$(device_sum "$snap" 70)
	dmsetup resume "$P-x"
	wait_redirected x 200
	equal "the snapshot" "$sum" "$(device_sum "$snap" 70)"
	[[ $sum != "$(device_sum "$beneath" 70)" ]] || fail "nothing was written: the test is broken"
	dmsetup remove "$snap"
	dmsetup remove "$P-x"
}

modprobe dm-interpose
direct=/sys/module/dm_interpose/parameters/direct
was=$(<"$direct")
cleanup eval "echo $was >$direct"
cleanup dm_remove_if_there "$P-snap"
scratch b >/dev/null
make_lv
fio_verify_start volume "$DEV" --size=4M
interposed_beneath "$(disk a)" N
interposed_beneath "$(disk a)" Y
fio_verify_stop volume
member=$(partition "$(scratch c)" 66)
DEV=$(md_create 1 "$member" "$(partition "$(scratch d)" 66)" --assume-clean --bitmap=none)
fio_verify_start array "$DEV" --size=4M
interposed_beneath "$member" N
interposed_beneath "$member" Y
fio_verify_stop array
test_done
