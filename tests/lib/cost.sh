# shellcheck shell=bash
# Tests that count the instructions of an I/O with bench/guest source this file after test.sh.

# costs_measured TARGET…: of 4 KiB at a time, without a target and with each of these; without a target, and with linear and
# snapshot-origin, also of reads with io_uring, depth 32, and of reads of a volume on the disk, device "lv"
costs_measured() {
	local target
	for target in none "$@"; do
		printf 'null_blk %s 4096 %s sync 1 1\n' "$target" read "$target" write
		[[ $target != @(none|linear|snapshot-origin) ]] || echo "null_blk $target 4096 read uring 32 1"
	done >"$T_DIR/cells"
	printf 'lv %s 4096 read sync 1 1\n' none linear snapshot-origin >>"$T_DIR/cells"
	bench/guest "$(program load)" "$T_DIR/cells" >"$T_DIR/out"
}

# instructions CONFIGURATION TARGET read|write|uring|volume: the least; of a read of a volume on the disk, the last
instructions() {
	local count device=null_blk cell="$3 sync 1"
	case $3 in
	uring) cell="read uring 32" ;;
	volume) device=lv cell="read sync 1" ;;
	esac
	count=$(sed -n "s/^$1 $device $2 4096 $cell 1 \([0-9.]*\) .*/\1/p" "${measured:-$T_DIR/out}" | sort -n | sed -n 1p)
	[[ $count ]] || fail "$1 $2 $3 was not measured"
	echo "${count%.*}"
}

# at_most PER-MILLE WHAT COUNT THAN-WHAT COUNT: the first count is at most so many thousandths of the second
at_most() {
	note "$2: $3; $4: $5; $(($3 * 1000 / $5)) thousandths, limit $1"
	(($5 > 2000)) || fail "$5 instructions are too few for an I/O: nothing was measured"
	(($3 * 1000 <= $5 * $1)) || fail "$2: $3 instructions, more than $1/1000 of $5, $4"
}

# interposed_at_most OPERATION TARGET PER-MILLE [PER-MILLE]: of an ordinary mapped device with the target; and of the device
# itself, nothing interposed
interposed_at_most() {
	local count
	count=$(instructions interposed "$2" "$1")
	at_most "$3" "$1, $2 interposed" "$count" 'as an ordinary device' "$(instructions classic "$2" "$1")"
	[[ ! ${4:-} ]] || at_most "$4" "$1, $2 interposed" "$count" 'the device itself' "$(instructions raw none "$1")"
}

# volume_at_most TARGET PER-MILLE: what a volume's bios take more for an interposer, of what those of a program take
volume_at_most() {
	local volume program
	volume=$(($(instructions interposed "$1" volume) - $(instructions raw none volume)))
	program=$(($(instructions interposed "$1" read) - $(instructions raw none read)))
	note "$1: $volume instructions more for a volume's read, $program for a program's"
	((program > 200)) || fail "$program instructions are too few for an interposer: nothing was measured"
	((volume * 1000 <= program * $2)) || fail "$1: $volume instructions more, more than $2/1000 of $program"
}

# disk_measured N: a disk itself, in all configurations, unless that was done. A count depends on where the tags of a disk
# begin, and on what memory a program and the kernel have got, by 5 and 6 instructions: so each with two programs, and each
# further disk with other memory.
disk_measured() {
	[[ ! -s $T_DIR/disk.$1 ]] || return 0
	printf 'null_blk none 4096 %s sync 1 1\n' read write read write >"$T_DIR/cells"
	(($1 == 1)) || memory_held $(($1 - 1))
	bench/guest "$(program load)" "$T_DIR/cells" >"$T_DIR/disk.$1"
}

# memory_held MIB: an odd number of pages more, until the guest ends
memory_held() {
	dd if=/dev/zero of="/dev/shm/held.$1" bs=4k count=$(($1 * 256 + 37)) status=none
	sysctl -q vm.drop_caches=3 vm.compact_memory=1
}

# disk_at_most PER-MILLE WHAT CONFIGURATION THAN-WHAT CONFIGURATION: reads and writes of the disk where the difference is the
# least. What costs more does so on each of them.
disk_at_most() {
	local operation i measured count base least
	for operation in read write; do
		least=''
		for i in {1..9}; do
			disk_measured "$i"
			measured=$T_DIR/disk.$i
			count=$(instructions "$3" none "$operation")
			base=$(instructions "$5" none "$operation")
			note "$operation: $count $2, $base $4"
			[[ $least && $((count - base)) -ge ${least%% *} ]] || least="$((count - base)) $count $base"
			((count * 1000 > base * $1)) || break
		done
		read -r _ count base <<<"$least"
		at_most "$1" "$operation $2" "$count" "$4" "$base"
	done
}
