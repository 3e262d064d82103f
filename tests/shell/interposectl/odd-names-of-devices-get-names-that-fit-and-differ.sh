#!/bin/bash
# timeout: 200
# Given mapped devices whose names have blanks, UTF-8, or 120 characters of which only the last one differs
# When interposectl attaches them, and makes snapshots of two at one instant, without being told any name
# Then each mapped device that it makes has a valid name of its own, and the list shows UTF-8 as it is
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot

# mapped START NAME: prints its number
mapped() {
	cleanup dm_remove_if_there "$2"
	dmsetup create "$2" --table "0 16384 linear $dev $1"
	dmsetup info -c --noheadings --separator : -o major,minor "$2"
}

# interposes NUMBER…: the names of the interposers of these devices are in @names
interposes() {
	local number name
	names=()
	for number; do
		interposectl_status 0 list -n -o MAJ:MIN,NAME
		name=$(sed -n "s/^ *$number *//p" <<<"$said")
		[[ $name =~ ^[A-Za-z0-9#+.:=@_-]{1,64}$ ]] || fail "the interposer of $number is '$name'"
		[[ " ${names[*]} " != *" $name "* ]] || fail "$name is there twice"
		names+=("$name")
	done
}

interposectl_cleans
dev=$(partition "$(scratch a)" 64)
long=$P-$(printf '%0110d' 0)
devices=("$(mapped 0 "$P-a blank")" "$(mapped 16384 "$P-"$'caf\303\251')" "$(mapped 32768 "${long}1")" "$(mapped 49152 "${long}2")")
for number in "${devices[@]}"; do
	interposectl_status 0 attach "$number"
done
interposes "${devices[@]}"
interposectl_status 0 list -n -o DEVICE
says "$P-a\\x20blank" "${long}1" "${long}2"
for name in "${names[@]}"; do
	interposectl_status 0 detach "$name"
done
interposectl_status 0 snapshot --ram --size 4M "${devices[2]}" "${devices[3]}"
interposes "${devices[2]}" "${devices[3]}"
interposectl_status 0 snapshot --list
equal "snapshots" 2 "$(grep -c valid <<<"$said")"
equal "their names" 2 "$(sed 1d <<<"$said" | cut -d ' ' -f 1 | sort -u | wc -l)"
records=(/run/interposectl/*)
interposectl_status 0 snapshot --remove "${records[0]##*/}"
interposectl_status 0 list
equal "the end" "nothing is interposed" "$said"
test_done
