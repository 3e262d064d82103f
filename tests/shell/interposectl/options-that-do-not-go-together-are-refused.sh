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
refused "--size does not go with --cow" snapshot --size 32M --cow "$spare" "$dev"
refused "--wipe is for --cow alone" snapshot --ram --wipe "$dev"
refused "--wipe is for --cow alone" snapshot --file /cow --wipe "$dev"
refused "say one of --vg, --cow, --file and --ram" snapshot --ram --file /cow "$dev"
refused "say one of --vg, --cow, --file and --ram" snapshot --vg one --vg two "$dev"
refused "say one of --vg, --cow, --file and --ram" snapshot --cow "$spare" --ram "$dev"
refused "either --list or --remove" snapshot --list --remove x
refused "--json is for --list" snapshot --json --ram "$dev"
refused "--json is for --list" snapshot --remove x --json
refused "--list takes nothing but --json" snapshot --list --size 32M
refused "--list takes nothing but --json" snapshot --list "$dev"
refused "--list takes nothing but --json" snapshot --list --name x
refused "--remove takes the NAME" snapshot --remove x --ram
refused "--remove takes the NAME" snapshot --remove x --size 32M
refused "--remove takes the NAME" snapshot --remove x "$dev"
refused "--mark cannot be used with --since or --format" changed --mark --format json "$dev"
test_done
