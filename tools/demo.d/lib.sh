# shellcheck shell=bash
# How tools/demo.d/story tells, shows and checks things. In the guest, where starting a process takes a fifth of a
# second, so what can be done by the shell is.

fail() {
	printf '\nThis did not hold: %s\n' "$*"
	[[ ! -s /tmp/fio.log ]] || cat /tmp/fio.log
	dmesg | tail -n 15
	exit 1
}

chapter() { printf '\n--- %s ---\n' "$*"; }

# tell LINE…
tell() {
	echo
	printf '%s\n' "$@"
}

# run COMMAND: shows it as typed at a root prompt, and what it prints
run() {
	printf '# %s\n' "${1//$'\n'/$'\n'> }"
	eval "$1" >/tmp/run.out 2>&1 || {
		cat /tmp/run.out
		fail "the command succeeds"
	}
	show /tmp/run.out
}

show() {
	local line
	while IFS= read -r line; do
		printf '    %s\n' "$line"
	done <"$1"
}

# claim SENTENCE COMMAND…
claim() {
	local sentence=$1
	shift
	"$@" || fail "$sentence"
	printf '  => %s\n' "$sentence"
}

exec {never}<> <(:) # a pipe in which nothing ever comes
pause() { read -rt "$1" -u "$never" || :; }

# wait_until SENTENCE COMMAND…: it becomes true within 20 seconds
wait_until() {
	local sentence=$1 tries
	shift
	for ((tries = 0; tries < 100; tries++)); do
		"$@" && return
		pause 0.2
	done
	fail "$sentence"
}

# writes_of DISK/PARTITION: how many it has completed
writes_of() {
	local values
	read -ra values <"/sys/block/$1/stat"
	echo "${values[4]}"
}

# state_is STATE: of the interposer x, as its status line says
state_is() {
	local status
	status=$(dmsetup status x)
	[[ $status == *" interpose $1 "* ]]
}

# sectors_of FILE: sets first and last, of a file in one piece
# shellcheck disable=SC2034
sectors_of() {
	local words
	while read -ra words; do
		[[ ${words[0]:-} != 0: ]] || first=${words[3]%%.*} last=${words[4]%%:*}
		[[ ${words[0]:-} != 1: ]] || fail "$1 lies in one piece"
	done < <(filefrag -v -b512 "$1")
	last=${last%%.*}
}

checksum_of() {
	dd if="$1" bs=1M iflag=direct status=none | sha256sum | cut -d' ' -f1
}

fio_start() {
	fio --name=load --directory=/mnt --size=16M --rw=randwrite --bs=4k --direct=1 --ioengine=libaio --iodepth=8 --rate_iops=200 \
		--verify=crc32c --verify_fatal=1 --do_verify=1 --verify_backlog=64 --verify_state_save=0 \
		--randrepeat=0 --overwrite=1 --time_based --runtime=1h --eta=never --output-format=json --output=/tmp/fio.json \
		>/tmp/fio.log 2>&1 </dev/null &
	fio=$!
}

more_writes_than() { (($(writes_of vda/vda1) > $1)); }

# fio still runs, gets on, and has found nothing wrong
fio_goes_on() {
	wait_until "fio goes on writing" more_writes_than $(($(writes_of vda/vda1) + 20))
	kill -0 "$fio" 2>/dev/null && [[ ! -s /tmp/fio.log ]]
}

# fio_total write|read: from its result
fio_total() {
	local json
	json=$(</tmp/fio.json)
	json=${json#*"\"$1\" : {"}
	[[ $json =~ \"total_ios\"\ :\ ([0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}

fio_ends_well() {
	kill -INT "$fio"
	wait "$fio" || :
	[[ $(</tmp/fio.json) =~ \"error\"\ :\ 0, ]] && (($(fio_total write) > 0 && $(fio_total read) > 0))
}
