# shellcheck shell=bash
# What an inner target has seen of the writes to its device: fio's log of all writes against the blocks that era has
# counted. Each block is written once, so that a block which era does not have is a write that went past it.
# Source it after test.sh.
#
# fio logs each write with the time of its completion (ms) and with how long it took since fio began to prepare it
# (ns). All times here are milliseconds since the epoch; two clocks that are read to the millisecond differ by one.

now_ms() {
	local now=$EPOCHREALTIME
	echo "${now:0:-7}${now: -6:3}"
}

# writes_start NAME DEV [fio options]: two jobs on two processors, each in its half of 256 MiB
writes_start() {
	local name=$1 dev=$2
	shift 2
	fio_launch "$name" --filename="$dev" --verify=0 --numjobs=2 --cpus_allowed=0-1 --cpus_allowed_policy=split \
		--size=128M --offset_increment=128M --group_reporting=1 --write_lat_log="$T_DIR/$name" --log_offset=1 \
		--log_unix_epoch=1 --disable_clat=1 --disable_slat=1 "$@"
}

# era_attach NAME DEV: with blocks of 4 KiB, counting on the second disk from nothing; sets $created
era_attach() {
	local size
	size=$(sectors "$2")
	cleanup dm_remove_if_there "$P-$1"
	dmsetup create "$P-$1" --table "0 $size interpose $2 era $(disk b) $2 8"
	# shellcheck disable=SC2034 # for the test
	created=$(now_ms)
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

# unseen KIND WINDOWS SEEN LOG…: of the writes in one of the windows ("from to" lines), those that era has not counted.
# Prints "checked N", then a line for each. KIND says when a write is in a window: "submitted" if it began and ended
# within, "completed" if it ended within.
unseen() {
	local kind=$1 windows=$2 seen=$3
	shift 3
	awk -v kind="$kind" -v windows="$windows" -v seen="$seen" -F '[ ,]+' '
		BEGIN {
			while ((getline <seen) > 0)
				for (b = $1; b < $2; b++)
					counted[b] = 1
			while ((getline <windows) > 0) {
				from[++n] = $1
				to[n] = $2
			}
		}
		$3 == 1 {
			began = $1 - $2 / 1000000
			for (w = 1; w <= n; w++)
				if ((kind == "completed" ? $1 : began) > from[w] && $1 < to[w]) {
					checked++
					if (!($5 / 4096 in counted))
						missed[$5 / 4096] = sprintf("block %d: began %d ms and ended %d ms after the window opened", $5 / 4096, began - from[w], $1 - from[w])
				}
		}
		END {
			print "checked " checked + 0
			for (b in missed)
				print missed[b]
		}' "$@"
}
