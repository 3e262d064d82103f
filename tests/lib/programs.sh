# shellcheck shell=bash
# The programs of tests/programs. tests/run has built them on the host; for a test by hand they are built in the guest,
# which takes half a minute.

# program NAME: its path
program() {
	local dir=${DM_INTERPOSE_PROGRAMS:-$T_DIR/programs}
	[[ -x $dir/$1 ]] || {
		mkdir -p "$dir"
		make -s -C tests/programs O="$dir" "$dir/$1" >&2
	}
	echo "$dir/$1"
}
