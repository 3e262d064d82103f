# shellcheck shell=bash
# What an inner target has seen of the writes to its device. Each block is written once, so that a block which era does
# not have is a write that went past it. Source it after test.sh.
#
# Which writes are meant is told by the order of events in the kernel's trace: a write that entered the block layer
# (block_bio_queue, which an I/O limit delays) between the two marks of a window, and that fio had back before the
# second. Nothing is told by fio's latencies: fio takes the time of a completion, and logs it, in two steps, and where
# other processes run between the two (fio is nice here) a write seems to have begun later than it did, by as much. That
# the logged time of a completion is never too early is enough for the end of a window.
. tests/lib/tracing.sh

now_ms() {
	local now=$EPOCHREALTIME
	echo "${now:0:-7}${now: -6:3}"
}

# writes_start NAME DEV [fio options]: two jobs on two processors, each in its half of 256 MiB
writes_start() {
	local name=$1 dev=$2 buffer
	shift 2
	read -r buffer _ <"$tracing/buffer_size_kb"
	cleanup eval "echo $buffer >$tracing/buffer_size_kb; echo local >$tracing/trace_clock"
	echo 8192 >"$tracing/buffer_size_kb"
	echo counter >"$tracing/trace_clock" # one order for all processors
	trace_events block_bio_queue
	fio_launch "$name" --filename="$dev" --verify=0 --numjobs=2 --cpus_allowed=0-1 --cpus_allowed_policy=split \
		--size=128M --offset_increment=128M --group_reporting=1 --write_lat_log="$T_DIR/$name" --log_offset=1 \
		--log_unix_epoch=1 --disable_clat=1 --disable_slat=1 "$@"
}

# A window is open from after dmsetup create has returned to before dmsetup remove is called.
window_open() {
	echo window opens >"$tracing/trace_marker"
}

window_close() {
	now_ms >>"$T_DIR/windows"
	echo window closes >"$tracing/trace_marker"
}

# era_attach NAME DEV: with blocks of 4 KiB, counting on the second disk
era_attach() {
	local size
	size=$(sectors "$2")
	cleanup dm_remove_if_there "$P-$1"
	dmsetup create "$P-$1" --table "0 $size interpose $2 era $(disk b) $2 8"
}

# seen_blocks FILE [METADATA]: the ranges of blocks that era has counted, a line each; the interposer is gone. Era begins
# with 1, and says 0 of a block that was never written.
seen_blocks() {
	local line
	era_invalidate --written-since 1 "${2:-$(disk b)}" >"$T_DIR/era.xml"
	while read -r line; do
		if [[ $line =~ range\ begin=\"([0-9]+)\"\ end\ ?=\ ?\"([0-9]+)\" ]]; then
			echo "${BASH_REMATCH[1]} ${BASH_REMATCH[2]}"
		elif [[ $line =~ block\ block=\"([0-9]+)\" ]]; then
			echo "${BASH_REMATCH[1]} $((BASH_REMATCH[1] + 1))"
		fi
	done <"$T_DIR/era.xml" >"$1"
	[[ -s $1 ]] || fail "era on ${2:-$(disk b)} has counted nothing"
}

# unseen PARTITION SEEN LOG…: of the writes to it in one of the windows, those that era has not counted. Prints "checked N", then a line
# for each. The load has ended.
unseen() {
	local dev=$1 seen=$2 start
	shift 2
	start=$(<"$(sysfs_dir "$dev")/start")
	trace_stop block_bio_queue
	awk -v disk="$(devno "$(disk_of "$dev")" | tr : ,)" -v start="$start" '
		/ tracing_mark_write: window opens/ { open = ++n }
		/ tracing_mark_write: window closes/ { open = 0 }
		open && match($0, /: block_bio_queue: [0-9]+,[0-9]+ W[A-Z]* [0-9]+ [+] [0-9]+ /) {
			split(substr($0, RSTART, RLENGTH), f, " ")
			if (f[3] == disk)
				print (f[5] - start) / 8, open
		}' "$tracing/trace" >"$T_DIR/queued"
	awk -v windows="$T_DIR/windows" -v queued="$T_DIR/queued" -v seen="$seen" -F '[ ,]+' '
		BEGIN {
			while ((getline <seen) > 0)
				for (b = $1; b < $2; b++)
					counted[b] = 1
			while ((getline <windows) > 0)
				closed[++n] = $1
			while ((getline <queued) > 0)
				window[$1] = $2
		}
		$3 == 1 && ($5 / 4096 in window) && $1 < closed[window[$5 / 4096]] {
			checked++
			if (!($5 / 4096 in counted))
				missed[$5 / 4096] = sprintf("block %d, in window %d, %d ms before its end", $5 / 4096, window[$5 / 4096], closed[window[$5 / 4096]] - $1)
		}
		END {
			print "checked " checked + 0
			for (b in missed)
				print missed[b]
		}' "$@"
}
