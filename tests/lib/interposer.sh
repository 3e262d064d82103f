# shellcheck shell=bash
# Reads the status line of the target; its fields are explained in Documentation/.

# interposer_field NAME N: the Nth field after the target's name; NAME without the prefix, as given to dm_create
interposer_field() {
	local status fields
	status=$(dmsetup status --target interpose "$P-$1")
	read -ra fields <<<"$status"
	echo "${fields[$2 + 2]}"
}

interposer_state() { interposer_field "$1" 1; }
interposer_origin() { interposer_field "$1" 2; }
interposer_redirected() { interposer_field "$1" 4; }
interposer_held() { interposer_field "$1" 5; }
interposer_pinned() { interposer_field "$1" 6; }
interposer_inner_type() { interposer_field "$1" 7; }

# The node beneath the hook, as a path
interposer_beneath() {
	local node
	node=$(interposer_field "$1" 3)
	echo "/dev/${node#/dev/}"
}

# write_beneath NAME OPTIONS…: what dd with these options, but of=, writes to the disk beneath the hook. Only tables of
# device-mapper may write there.
write_beneath() {
	local raw
	raw=$(linear_create "$1-raw" "$(interposer_beneath "$1")")
	dd of="$raw" oflag=direct conv=notrunc status=none "${@:2}"
	dmsetup remove "$P-$1-raw"
}

interposer_inner_status() {
	dmsetup status --target interpose "$P-$1" | cut -d' ' -f11-
}

# has_status REGEX: the inner target's own status, of x
has_status() {
	[[ $(interposer_inner_status x) =~ ^$1\ ?$ ]]
}

# interpose NAME DEV [INNER…]: attaches; INNER defaults to linear
interpose() {
	local name=$1 dev=$2
	shift 2
	dm_create "$name" "0 $(sectors "$dev") interpose $dev ${*:-linear $dev 0}"
}

has_redirected() {
	(($(interposer_redirected "$1") >= $2))
}

# wait_redirected NAME [N]: until N (100) more bios have gone through the interposer
wait_redirected() {
	wait_until "$1 redirects I/O" 60 has_redirected "$1" $(($(interposer_redirected "$1") + ${2:-100}))
}

# direct_is Y|N: bios of what is interposed from now on are mapped where they are, or all redirected, whatever the kernel was
# started with (tests/README.md)
direct_is() {
	local direct=/sys/module/dm_interpose/parameters/direct
	modprobe dm-interpose
	cleanup eval "echo $(<"$direct") >$direct"
	echo "$1" >"$direct"
}

direct_on() {
	direct_is Y
}

# the load that runs sends no more: the status, in $last, does not change any more
load_waits() {
	local now
	now=$(dmsetup status "$P-$1")
	[[ $now == "$last" ]] || {
		last=$now
		return 1
	}
}

# suspend_until_all_waits NAME: suspended, so that what the load has sent has been counted, or waits; sets $last to the status
suspend_until_all_waits() {
	dmsetup suspend --noflush --nolockfs "$P-$1"
	last=''
	wait_until "all that the load sends waits" 30 load_waits "$1"
}

unpin_if_there() {
	! dm_exists "$P-$1" || dmsetup message "$P-$1" 0 interpose unpin || true # it has no such table
}
