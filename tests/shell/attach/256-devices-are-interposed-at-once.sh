#!/bin/bash
# tier: full
# timeout: 1200
# Given 128 partitions of one disk and 128 mapped devices on another, sixteen of them under verified load
# When all 256 are interposed at the same time, written to and verified, and detached
# Then each interposer has redirected I/O of its own device, no I/O of the load fails, no data is wrong, and nothing is
#   left
. tests/lib/test.sh
. tests/lib/cycles.sh
requires_target interpose

slices=128 # of each kind
size=4096  # sectors of each

# create NAME-STEM SIZE TABLE…: one device for each table, in one go
create() {
	local stem=$1 size=$2 i=0 list=''
	shift 2
	for table; do
		list+="${list:+;}$P-$stem$((i++)),,,rw,0 $size $table"
	done
	cleanup remove_all "$stem"
	dmsetup create --concise "$list"
}

remove_all() {
	local names
	mapfile -t names < <(dmsetup ls | sed -n "s/^\($P-$1[0-9]*\)[[:space:]].*/\1/p")
	((${#names[@]} == 0)) || dmsetup remove "${names[@]}"
}

one=$(scratch a) two=$(scratch b)
{
	echo "label: gpt"
	echo "table-length: $slices"
	for ((i = 0; i < slices; i++)); do
		echo "size=$size"
	done
} | sfdisk -q "$one"
wait_until "the last partition is there" 20 test -b "$one$slices"

origins=() tables=()
for ((i = 0; i < slices; i++)); do
	origins+=("$one$((i + 1))")
	tables+=("linear $two $((i * size))")
done
create slice "$size" "${tables[@]}"
# by their short names: all 256 go into one option of fio, of 4096 characters at most
for dir in /sys/block/dm-*; do
	[[ $(<"$dir/dm/name") != "$P-slice"* ]] || origins+=("/dev/${dir##*/}")
done
equal "devices to be interposed" $((2 * slices)) "${#origins[@]}"
references_note

# The load has half a MiB in the second half of every seventeenth device
chosen=() numbers=''
for ((i = 0; i < 2 * slices; i += 17)); do
	chosen+=("${origins[i]}")
	numbers+=" $(<"/sys/class/block/${origins[i]#/dev/}/dev")"
done
equal "devices under load" 16 "${#chosen[@]}"
fio_note_disk load "${chosen[0]}"
fio_launch load --filename="$(IFS=: && echo "${chosen[*]}")" --offset=1M --size=8M --time_based --runtime=1h --nice=19 \
	--rate_iops=200
for dev in "${chosen[@]}"; do
	wait_io "$dev" 10
done

# the_load_is_redirected N: each of its interposers has redirected that many
the_load_is_redirected() {
	[[ $(dmsetup status --target interpose | awk -v numbers="$numbers" -v least="$1" '
		index(numbers " ", " " $6 " ") && $8 >= least' | wc -l) == "${#chosen[@]}" ]]
}

tables=()
for origin in "${origins[@]}"; do
	tables+=("interpose $origin linear $origin 0")
done
create x "$size" "${tables[@]}"
fio_verify_check load
wait_until "the load is redirected" 100 the_load_is_redirected 10
equal "hook users" $((2 * slices)) "$(</sys/module/dm_interpose/parameters/hook_users)"

# fio takes the names apart at colons. Each device is written, then each is read back and verified.
files=$(IFS=: && echo "${origins[*]}")
verify=(fio --name=all --filename="$files" --filesize=256k --size=64M --bs=32k --direct=1 --ioengine=libaio --iodepth=64
	--verify=crc32c --verify_fatal=1 --verify_state_save=0 --disk_util=0 --output-format=json)
"${verify[@]}" --rw=write --do_verify=1 --output="$T_DIR/fio-written.json"
equal "bytes read back" $((64 << 20)) "$(fio_result written read.io_bytes)"
dmsetup status --target interpose >"$T_DIR/status"
equal "attached, with 8 writes and 8 reads each" $((2 * slices)) \
	"$(awk '$5 == "attached" && $8 >= 16' "$T_DIR/status" | wc -l)"
equal "different devices, and disks beneath" "$((2 * slices)) $((2 * slices))" \
	"$(awk '!d[$6]++ { n++ } !b[$7]++ { m++ } END { print n, m }' "$T_DIR/status")"

remove_all x
for dev in "${chosen[@]}"; do
	wait_io "$dev" 10
done
fio_verify_stop load
references_back
"${verify[@]}" --rw=read --output="$T_DIR/fio-again.json"
equal "bytes read without interposers" $((64 << 20)) "$(fio_result again read.io_bytes)"
test_done
