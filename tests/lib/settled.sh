# shellcheck shell=bash
# COW stores in a file on the origin itself. Source it after test.sh and interposectl.sh.

# fragmented DIR: what is free there lies in pieces of 512 KiB, and is a half of what it was. One process makes all files
fragmented() {
	local make=() n i
	n=$(($(stat -fc '%a * %S' "$1") / (512 * 1024) - 6))
	for ((i = 0; i < n; i++)); do
		make+=(-c "open -f $1/fill.$i" -c "falloc 0 512k" -c close)
	done
	xfs_io "${make[@]}"
	sync -f "$1"
	rm "$1"/fill.*[13579]
	sync -f "$1"
}

# store_pieces NAME: the lines of the table of the store of that snapshot
store_pieces() {
	dmsetup table "$P-$1-cow"
}

# file_pieces FILE: the same, by what the file system says; without the number of the device
file_pieces() {
	filefrag -e -b512 "$1" | sed 's/[.:]/ /g' | awk '$1 ~ /^[0-9]+$/ {
		if (n && $4 == at + length_of) { length_of += $6; next }
		if (n++) print start, length_of, at
		start = $2; length_of = $6; at = $4
	} END { print start, length_of, at }'
}

# store_is_the_file NAME FILE: still
store_is_the_file() {
	equal "where the COW store lies" "$(file_pieces "$2")" "$(store_pieces "$1" | awk '{ print $1, $2, $5 }')"
}

# differs_outside NAME COPY: numbers of blocks of 1 KiB in which a snapshot is not as its copy, but for its own store
differs_outside() {
	"$(program differing-blocks)" "/dev/mapper/$P-$1" "$2" 1024 $(($(sectors "/dev/mapper/$P-$1") / 2)) >"$T_DIR/differing"
	store_pieces "$1" | awk 'NR == FNR { from[NR] = $5; to[NR] = $5 + $2; next }
		{ for (i in from) if (2 * $1 >= from[i] && 2 * $1 + 2 <= to[i]) next; print }' - "$T_DIR/differing"
}

# no_store_is_left FILE
no_store_is_left() {
	equal "mapped devices" "" "$(dmsetup ls | grep -v '^No devices found' || true)"
	equal "records" "" "$(ls /run/interposectl)"
	[[ ! -e $1 ]] || fail "$1 is left"
}
