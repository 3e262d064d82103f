# shellcheck shell=bash
# Runs the commands of the administrator's document, so that it cannot say what does not work. In its literal blocks
# a line "# …" is a command and the lines up to the next one are what it prints, where "..." stands for anything and
# a number for any number. A command of which no output is shown may print what it likes.

RECIPES=$REPO/Documentation/admin-guide/device-mapper/dm-interpose.rst

# The errors that the document shows: then the command must fail
RECIPE_ERRORS='Input/output error|Device or resource busy'

# recipe_lines TITLE: the lines of the literal blocks of that section, without their indentation
recipe_lines() {
	awk -v title="$1" '
		/^(=+|-+|~+)$/ && length(last) && length(last) <= length($0) { inside = (last == title); literal = 0 }
		/^[^[:space:]]/ { literal = /::$/ }
		literal && inside && /^  / { print substr($0, 3) }
		{ last = $0 }' "$RECIPES"
}

# recipe_sections: the titles of all sections that have commands
recipe_sections() {
	awk '
		/^(=+|-+|~+)$/ && length(last) && length(last) <= length($0) { title = last; literal = 0 }
		/^[^[:space:]]/ { literal = /::$/ }
		literal && /^  # / && !seen[title]++ { print title }
		{ last = $0 }' "$RECIPES"
}

# recipe_script TITLE: that section's commands alone, for another shell
recipe_script() {
	recipe_lines "$1" | sed -E "${recipe_names[@]}" | awk '
		/^# / || more { more = /[\\|]$/; sub(/^# /, ""); print }'
}

# recipe_for DEV AT SPARE…: what stands for /dev/sda1, /mnt, /dev/sdb1 and /dev/sdb2 of the document
recipe_for() {
	# in two steps, because a disk of the test may be another one of the document
	recipe_names=(-e "s,/dev/sda1,@1,g; s,\bsda1\b,@n,g; s,/mnt,$2,g; s,/dev/sdb1,@3,g; s,/dev/sdb2,@4,g"
		-e "s,@1,$1,g; s,@n,${1##*/},g; s,@3,$3,g; s,@4,${4:-none},g"
		-e "s,/media,$T_DIR/media,g; s,/backup\b,$T_DIR/backup,g; s,/changed,$T_DIR/changed,g"
		-e "s,\b(x|base|snap)\b,$P-\1,g")
	mkdir -p "$T_DIR/media" "$T_DIR/backup"
	cleanup dm_remove_if_there "$P-base"
	cleanup dm_remove_if_there "$P-x"
	cleanup dm_remove_if_there "$P-snap"
	cleanup unmount_if_there "$T_DIR/media"
}

# recipe_also NAME…: more mapped devices of the document
recipe_also() {
	local name
	for name; do
		recipe_names+=(-e "s,\b$name\b,$P-$name,g")
		cleanup dm_remove_if_there "$P-$name"
	done
}

# recipe_nouuid: the mount option that the document wants for xfs where the one it is a copy of is mounted
recipe_nouuid() {
	recipe_names+=(-e "s,^# mount -o (ro|loop) ,# mount -o \1\,nouuid ,; s,^# mount /,# mount -o nouuid /,")
}

# recipe_regex: the expected output on stdin as a regular expression
recipe_regex() {
	sed -E 's/[[:space:]]+/ /g; s/[][\.*^$+?(){}|]/\\&/g; s/[0-9]+/[0-9]+/g; s/^\\\.\\\.\\\.$/.*/'
}

# recipe_said COMMAND: runs it in this shell (it may set variables); its output, blanks squeezed, is in $said
recipe_said() {
	local status=0
	eval "$1" >"$T_DIR/recipe.out" 2>&1 || status=$?
	said=$(sed -E 's/[[:space:]]+/ /g; s/ $//' "$T_DIR/recipe.out")
	return "$status"
}

# recipe_command COMMAND OUTPUT
recipe_command() {
	local command=$1 output=$2 said='' status=0 regex tries=0
	note "$command"
	regex=$(recipe_regex <<<"$output")
	recipe_said "$command" || status=$?
	# the gate opens a moment after the resume has returned
	until [[ ! $output || $said =~ ^$regex$ || $command != "dmsetup status"* ]] || ((tries++ == 100)); do
		pause 0.1
		recipe_said "$command" || status=$?
	done
	if [[ $output =~ $RECIPE_ERRORS ]]; then
		((status > 0 && status < 126)) || fail "status $status, and the document shows an error: $command"
	else
		((status == 0)) || fail "status $status from '$command': $said"
	fi
	[[ ! $output || $said =~ ^$regex$ ]] || fail "'$command' prints '$said', but the document shows '$output'"
}

# recipe_run TITLE [PATTERN FUNCTION…]: runs a section's commands; before the first one that matches PATTERN, FUNCTION
recipe_run() {
	local title=$1 line command='' output='' count=0 lines
	local -A hooks=()
	shift
	while (($#)); do
		hooks[$1]=$2
		shift 2
	done
	mapfile -t lines < <(recipe_lines "$title" | sed -E "${recipe_names[@]}")
	for line in "${lines[@]}" '# '; do
		if [[ $command =~ [\\|]$ ]]; then
			command+=$'\n'$line
		elif [[ $line == '# '* ]]; then
			[[ ! $command ]] || recipe_step
			command=${line#'# '} output=''
		elif [[ $command ]]; then
			output+=${output:+$'\n'}$line
		fi
	done
	((count > 0)) || fail "the document has no section '$title' with commands"
	((${#hooks[@]} == 0)) || fail "no command of '$title' matches ${!hooks[*]}"
}

# shellcheck disable=SC2154 # the variables of recipe_run
recipe_step() {
	local pattern hook
	for pattern in "${!hooks[@]}"; do
		# shellcheck disable=SC2053 # a pattern on purpose
		[[ $command == $pattern ]] || continue
		hook=${hooks[$pattern]}
		unset "hooks[$pattern]"
		"$hook"
	done
	recipe_command "$command" "$output"
	count=$((count + 1))
}

# changed_blocks FILE FIRST LAST: those of the blocks FIRST to LAST, of 128 sectors, that era_invalidate lists, one a line
changed_blocks() {
	awk -F'"' -v first="$2" -v last="$3" '
		/<block / { from = $2 + 0; to = $2 + 1 }
		/<range / { from = $2 + 0; to = $4 + 0 }
		{ for (; from < to; from++) if (from >= first && from <= last) print from }' "$1"
}

# blocks_of FILE: "first last" of those blocks that hold nothing but a part of that file, of one piece
blocks_of() {
	local first last
	read -r first last < <(file_sectors "$1")
	echo "$(((first + 127) / 128)) $(((last + 1) / 128 - 1))"
}

# file_sectors FILE: "first last" of where a file of one piece lies
file_sectors() {
	filefrag -v -b512 "$1" | awk '$1 ~ /^[0-9]+:$/ { n++; first = $4 + 0; last = $5 + 0 }
		END { if (n != 1) { print "not in one piece" >"/dev/stderr"; exit 1 } print first, last }'
}

# file_sum_in DEV FILE: checksum of what lies on DEV where the file, of one piece of 1 MiB, lies on its own device
file_sum_in() {
	local first
	read -r first _ < <(file_sectors "$2")
	dd if="$1" iflag=direct,skip_bytes bs=1M skip=$((first * 512)) count=1 status=none | sha256sum
}

memory_unmounted() {
	! mountpoint -q /run/dm || umount -R /run/dm
	[[ ! -d /run/dm ]] || rmdir /run/dm
}

# under_the_root_begin: a mounted ext4 under load, which stands for the root file system
under_the_root_begin() {
	local spare
	requires_target snapshot
	dev=$(partition "$(scratch a)" 100)
	spare=$(partition "$(scratch b)" 64)
	at=$(mkfs_mounted ext4 "$dev")
	fio_verify_start load "$at" --size=16M
	recipe_for "$dev" "$at" "$spare"
	cleanup memory_unmounted
}

under_the_root_end() {
	wait_io "$dev" 50
	fio_verify_stop load
	umount "$at"
	fsck_clean "$dev"
}
