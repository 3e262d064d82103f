# shellcheck shell=bash
# Load that checks its own data: every block carries a checksum and where it belongs, and is read back. Never
# "fio ended": what it says about errors and how much it did is read from its JSON.

# fio_options TARGET: a raw device is used as it is, a directory gets a file
fio_options() {
	if [[ -b $1 ]]; then
		echo "--filename=$1"
	else
		echo "--directory=$1 --size=64M"
	fi
}

# fio_verify_start NAME TARGET [fio options…]: in the background until fio_verify_stop; random writes, read back
# and verified while it runs, sixteen at a time. 200 a second leave the emulated processors some time for the test, but
# also pauses in which nothing is in flight: where a race is looked for, say --rate_iops=0. Extra options win
# (--ioengine=io_uring, --fdatasync=1, --numjobs=2 …).
fio_verify_start() {
	local name=$1 target=$2
	shift 2
	fio_note_disk "$name" "$target"
	# shellcheck disable=SC2046 # words on purpose
	fio_launch "$name" $(fio_options "$target") --time_based --runtime=1h --nice=19 --rate_iops=200 "$@"
}

# fio_verify_job NAME TARGET --size=… [fio options…]: the same, but ends by itself when all is written and verified
fio_verify_job() {
	local name=$1 target=$2
	shift 2
	# shellcheck disable=SC2046
	fio_launch "$name" $(fio_options "$target") "$@"
}

fio_launch() {
	local name=$1
	shift
	cleanup fio_kill "$name"
	fio --name="$name" --rw=randwrite --bs=4k --direct=1 --ioengine=libaio --iodepth=16 \
		--verify=crc32c --verify_fatal=1 --do_verify=1 --verify_backlog=16 --verify_backlog_batch=64 \
		--serialize_overlap=1 --randrepeat=0 --verify_state_save=0 --group_reporting --eta=never --disk_util=0 --output-format=json \
		--output="$T_DIR/fio-$name.json" "$@" >"$T_DIR/fio-$name.log" 2>&1 </dev/null &
	echo $! >"$T_DIR/fio-$name.pid"
}

fio_running() {
	kill -0 "$(<"$T_DIR/fio-$1.pid")" 2>/dev/null
}

fio_gone() {
	! fio_running "$1"
}

# For the end of a failed test: nothing is judged any more
fio_kill() {
	[[ -s $T_DIR/fio-$1.pid ]] || return 0
	fio_gone "$1" || {
		pkill -KILL -P "$(<"$T_DIR/fio-$1.pid")" || true # the jobs would go on alone
		kill -KILL "$(<"$T_DIR/fio-$1.pid")" 2>/dev/null || true
	}
	wait_until "fio $1 is gone" 20 fio_gone "$1"
}

# fio_verify_check NAME: it must still be at work, without a complaint
fio_verify_check() {
	fio_running "$1" || fio_judge "$1" "ended before it was stopped"
	[[ ! -s $T_DIR/fio-$1.log ]] || fio_judge "$1" "complained"
}

# Where the disk under TARGET counts its I/O. A partition stands still while its whole disk is interposed.
fio_note_disk() {
	local dir
	if [[ -b $2 ]]; then
		dir=$(sysfs_dir "$2")
	else
		dir=/sys/dev/block/$(stat -c '%Hd:%Ld' "$2")
	fi
	[[ ! -e $dir/partition ]] || dir+=/..
	echo "$dir" >"$T_DIR/fio-$1.disk"
}

# fio_seen_at NAME DEV: that device counts its I/O, if what is beneath the file system does not get it any more
fio_seen_at() {
	sysfs_dir "$2" >"$T_DIR/fio-$1.disk"
}

# A signal ends fio without a look at what it wrote last. So that this is nothing of interest, it is only stopped when
# it has gone on for a while.
fio_go_on() {
	local dir values
	dir=$(<"$T_DIR/fio-$1.disk")
	[[ -r $dir/stat ]] || return 0 # a file system with a device of its own
	read -ra values <"$dir/stat"
	((values[0] + values[4] > 0)) || { # brd counts nothing
		pause 2
		return 0
	}
	wait_until "fio $1 goes on" 60 total_reaches "$dir" $((values[0] + values[4] + 200))
}

# fio_stop NAME: ends it and judges it
fio_stop() {
	fio_verify_check "$1"
	fio_go_on "$1"
	kill -INT "$(<"$T_DIR/fio-$1.pid")"
	wait_until "fio $1 has stopped" 60 fio_gone "$1"
	fio_judge "$1"
}

# fio_verify_stop NAME: the same; what it had written before was verified
fio_verify_stop() {
	local written verified
	fio_stop "$1"
	written=$(fio_result "$1" write.total_ios)
	verified=$(fio_result "$1" read.total_ios)
	# a block that is written again before its turn is verified once, and what is in flight is skipped for a while
	((verified > 0 && verified * 2 + 64 >= written)) || fail "fio $1 has verified only $verified of $written writes"
}

# fio_verify_wait NAME [SECONDS]: for a job that ends by itself
fio_verify_wait() {
	wait_until "fio $1 is through" "${2:-100}" fio_gone "$1"
	fio_judge "$1"
}

# fio_result NAME [SECTION.]KEY: a number of the (one) job's results: error, write.total_ios, read.io_bytes …
fio_result() {
	local json key=$2
	json=$(<"$T_DIR/fio-$1.json")
	json=${json#*'"jobs" : ['}
	[[ $key != *.* ]] || json=${json#*"\"${key%%.*}\" : {"}
	[[ $json =~ \"${key#*.}\"\ :\ ([0-9.]+) ]] || fail "fio $1: no $key in its result"
	echo "${BASH_REMATCH[1]}"
}

# fio_judge NAME [REASON]: fails unless fio did I/O without any error
fio_judge() {
	local name=$1 reason=${2:-} written
	grep -v 'terminating on signal' "$T_DIR/fio-$name.log" >"$T_DIR/fio-$name.complaints" || true
	[[ -z $reason && ! -s $T_DIR/fio-$name.complaints ]] || {
		head -n 20 "$T_DIR/fio-$name.log" >&2
		fail "fio $name ${reason:-complained}: $(head -n 1 "$T_DIR/fio-$name.complaints")"
	}
	equal "fio $name: error" 0 "$(fio_result "$name" error)"
	written=$(fio_result "$name" write.total_ios)
	((written > 0)) || fail "fio $name wrote nothing"
	note "fio $name: $written writes, $(fio_result "$name" read.total_ios) reads, no error"
}
