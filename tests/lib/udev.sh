# shellcheck shell=bash
# What udevd makes of an interposer and its snapshots. Source it after test.sh, in a test with "# vm: --udev".

RULE=/run/udev/rules.d/56-dm-interpose.rules
# shellcheck disable=SC2034 # for the test
LINKS=/dev/disk

udev_rule_remove() {
	rm -f "$RULE"
	udevadm control --reload
}

# udev_rule_install: our rule, for this guest. Without it: udev_rule_remove
udev_rule_install() {
	[[ -e /run/udev/control && ! ${DM_DISABLE_UDEV:-} ]] || fail "udevd does not run"
	mkdir -p "${RULE%/*}"
	cleanup udev_rule_remove
	cp userspace/udev/56-dm-interpose.rules "$RULE"
	udevadm control --reload
}

# udev_snapshot X NAME COW [dmsetup options]: a snapshot of X's device; prints its node
udev_snapshot() {
	local x=$1 name=$2 cow=$3 beneath size
	shift 3
	beneath=$(interposer_beneath "$x")
	size=$(sectors "$beneath")
	dmsetup suspend "$P-$x"
	dm_create "$name" "0 $size snapshot $beneath $cow N 8" "$@"
	dmsetup resume "$P-$x"
}

# udev_property DEV KEY: what the database of udev has
udev_property() {
	local line
	while read -r line; do
		[[ $line != "$2="* ]] || echo "${line#*=}"
	done < <(udevadm info --query=property --name="$1")
}

# udev_settled: everything that has happened so far has been worked on
udev_settled() {
	be_patient
	udevadm settle --timeout=$((60 * patience))
}

# leads_to LINK DEV: sets nothing, says it
leads_to() {
	udev_settled
	[[ $1 -ef $2 ]] || fail "$1 leads to $(readlink -f "$1"), not to $2"
}

monitor_kill() {
	[[ ! -s $T_DIR/monitor.pid ]] || kill "$(<"$T_DIR/monitor.pid")" 2>/dev/null || true
}

monitor_is_there() {
	[[ -s $T_DIR/events ]]
}

# udev_monitor_start: every event with its properties goes to $T_DIR/events
udev_monitor_start() {
	cleanup monitor_kill
	udevadm monitor --udev --property --subsystem-match=block >"$T_DIR/events" &
	echo $! >"$T_DIR/monitor.pid"
	wait_until "the monitor listens" 30 monitor_is_there
}

# udev_monitor_stop: sets $events to the number of events of mapped devices and disks beneath the hook
udev_monitor_stop() {
	udev_settled
	monitor_kill
	wait "$(<"$T_DIR/monitor.pid")" || true
	# shellcheck disable=SC2034
	events=$(grep -cE '^DEVNAME=/dev/(dm-|interpose)[0-9]+$' "$T_DIR/events") || true
}

# links_in_events: "DEVNAME link" of each link below /dev/disk that an event has claimed, but for those by name
links_in_events() {
	awk -F= '
		$1 == "DEVNAME" { name = $2 }
		$1 == "DEVLINKS" { links = $2 }
		/^$/ { n = split(links, link, " ")
			for (i = 1; i <= n; i++)
				if (link[i] ~ "^/dev/disk/by-(uuid|label|partuuid|partlabel)/")
					print name, link[i]
			name = links = "" }' "$T_DIR/events" | sort -u
}
