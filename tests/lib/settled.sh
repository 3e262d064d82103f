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

boot_id_gone() {
	! mountpoint -q /proc/sys/kernel/random/boot_id || umount /proc/sys/kernel/random/boot_id
}

# boots_anew: as after a reboot, until boot_id_gone
boots_anew() {
	cleanup boot_id_gone
	echo 01234567-89ab-4cde-8f01-23456789abcd >"$T_DIR/boot_id"
	mount --bind "$T_DIR/boot_id" /proc/sys/kernel/random/boot_id
}

# store_is_in_files NAME FILE…: each piece of that store lies in one of these, and in each one lies a piece
store_is_in_files() {
	local file
	for file in "${@:2}"; do
		file_pieces "$file" | sed "s|$| $file|"
	done >"$T_DIR/pieces"
	store_pieces "$1" | awk 'NR == FNR { from[NR] = $3; to[NR] = $3 + $2; file[NR] = $4; wanted[$4] = 1; next }
		{ found = 0; for (i in from) if ($5 >= from[i] && $5 + $2 <= to[i]) { found = 1; delete wanted[file[i]] }
		if (!found) print "in no file: " $0 }
		END { for (one in wanted) print "not used: " one }' "$T_DIR/pieces" - >"$T_DIR/stray"
	equal "what is wrong with where the store lies" "" "$(<"$T_DIR/stray")"
}
