#!/bin/bash
# tier: full
# kcsan: yes
# timeout: 300
# Given six partitions of one disk that are all written to and verified
# When six processes at once create an interposer each, suspend it, reload it, pin and unpin it, suspend it without flush
#   and remove it, twice
# Then each of these commands succeeds, no I/O fails, every block is verified, and nothing is left attached
. tests/lib/test.sh
requires_target delay

# live WORKER: the life of an interposer, twice
live() {
	local x=$P-x$1 dev=${parts[$1]} size round
	size=$(<"/sys/class/block/${dev#/dev/}/size")
	for round in 1 2; do
		dmsetup create "$x" --table "0 $size interpose $dev linear $dev 0"
		dmsetup suspend "$x"
		dmsetup load "$x" --table "0 $size interpose $dev 1 pin delay $dev 0 10"
		dmsetup resume "$x"
		dmsetup message "$x" 0 interpose unpin
		((round % 2)) || dmsetup suspend --noflush --nolockfs "$x"
		dmsetup remove "$x"
	done
	: >"$T_DIR/lived-$1"
}

disk=$(scratch a)
for i in 1 2 3 4 5 6; do
	parts[i]=$(part "$disk" "$i")
done
# a seventh number would be the extended partition of an MBR label
sfdisk -q --wipe always --label gpt "$disk" <<<"$(printf 'size=64M\n%.0s' "${parts[@]}")" >&2
wait_until "the partitions are there" 10 test -b "${parts[6]}"
names=${parts[*]}
fio_note_disk load "${parts[1]}"
fio_launch load --filename="${names// /:}" --size=48M --time_based --runtime=1h --nice=19 --rate_iops=400
for i in 1 2 3 4 5 6; do
	wait_io "${parts[i]}" 10
	cleanup dm_remove_if_there "$P-x$i"
done

for i in 1 2 3 4 5 6; do
	live "$i" >"$T_DIR/life-$i" 2>&1 &
	lives[i]=$!
done
for i in 1 2 3 4 5 6; do
	wait "${lives[i]}" || cat "$T_DIR/life-$i" >&2
	[[ -e $T_DIR/lived-$i ]] || fail "a command of process $i has failed: $(tail -n 1 "$T_DIR/life-$i")"
done
for i in 1 2 3 4 5 6; do
	dir=/sys/class/block/${parts[i]#/dev/}
	equal "holders of ${parts[i]}" "$dir/holders/*" "$(echo "$dir"/holders/*)"
	wait_io "${parts[i]}" 10
done
fio_verify_stop load
test_done
