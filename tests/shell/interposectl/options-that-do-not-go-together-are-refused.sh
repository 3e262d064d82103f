#!/bin/bash
# Given a free device
# When interposectl gets two options of which one would have no effect
# Then it says which and why, with exit status 2, and makes nothing
. tests/lib/test.sh
. tests/lib/interposectl.sh

# refused TEXT ARGUMENT…
refused() {
	interposectl_status 2 "${@:2}"
	says "$1" "usage: "
	equal "mapped devices" "" "$(dmsetup ls | grep -v '^No devices found' || true)"
}

interposectl_cleans
dev=$(partition "$(scratch a)" 64)
spare=$(scratch b)
refused "--size cannot be used with --cow" snapshot --size 32M --cow "$spare" "$dev"
refused "--wipe can only be used with --cow" snapshot --ram --wipe "$dev"
refused "--wipe can only be used with --cow" snapshot --file /cow --wipe "$dev"
refused "use only one of --vg, --cow, --file and --ram" snapshot --ram --file /cow "$dev"
refused "use only one of --vg, --cow, --file and --ram" snapshot --vg one --vg two "$dev"
refused "use only one of --vg, --cow, --file and --ram" snapshot --cow "$spare" --ram "$dev"
refused "--list and --remove cannot be used together" snapshot --list --remove x
refused "--json can only be used with --list" snapshot --json --ram "$dev"
refused "--json can only be used with --list" snapshot --remove x --json
refused "--list takes no other option than --json" snapshot --list --size 32M
refused "--list takes no other option than --json" snapshot --list "$dev"
refused "--list takes no other option than --json" snapshot --list --name x
refused "--remove takes only the NAME" snapshot --remove x --ram
refused "--remove takes only the NAME" snapshot --remove x --size 32M
refused "--remove takes only the NAME" snapshot --remove x "$dev"
refused "--timeout needs a number of seconds from 1 to 600" snapshot --timeout 0 --ram "$dev"
refused "--timeout needs a number of seconds from 1 to 600" snapshot --ram --timeout 601 "$dev"
refused "--timeout needs a number of seconds from 1 to 600" snapshot --timeout soon --ram "$dev"
refused "--list takes no other option than --json" snapshot --list --timeout 5
refused "--remove takes only the NAME" snapshot --remove x --timeout 5
refused "--extend cannot be used together with --list or --remove" snapshot --extend x --list
refused "--extend cannot be used together with --list or --remove" snapshot --extend x --remove x
refused "--extend takes only the NAME" snapshot --extend x --ram
refused "--extend takes only the NAME" snapshot --extend x --name y
refused "--extend takes only the NAME" snapshot --extend x "$dev"
refused "--mark cannot be used with --since or --format" changed --mark --format json "$dev"
test_done
