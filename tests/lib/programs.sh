# shellcheck shell=bash
# The C programs in tests/programs, for what a shell cannot do or would take processes for. tests/run compiles them on
# the host, before it starts guests, and passes their place on in $PROGRAMS.

compile_program() {
	"${CC:-gcc}" -std=gnu11 -O2 -Wall -Wextra -Werror -o "$2" "tests/programs/$1.c" -pthread
}

# compile_programs DIR
compile_programs() {
	local file name
	mkdir -p "$1"
	for file in tests/programs/*.c; do
		name=$(basename "$file" .c)
		compile_program "$name" "$1/$name" || return
	done
}

# program NAME: the path of the compiled program; a test that is run by hand compiles it now
program() {
	local path=${PROGRAMS:-$T_DIR}/$1
	[[ -x $path ]] || compile_program "$1" "$path" >&2
	echo "$path"
}
