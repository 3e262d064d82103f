# shellcheck shell=bash
# The programs of tests/programs. tests/run has built them on the host; for a test by hand they are built in the guest,
# which takes half a minute.

# made ARGUMENT…: make, with the compiler cache of the kernels, so that each file is compiled once for all tests
made() {
	local cc=${CC:-cc} cache=${DM_INTERPOSE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dm-interpose}
	[[ ! -w $cache || ! -x /usr/bin/ccache ]] || cc="ccache $cc"
	CCACHE_DIR=${CCACHE_DIR:-$cache/ccache} CCACHE_NOHASHDIR=1 make -s CC="$cc" "$@"
}

# program NAME: its path
program() {
	local dir=${DM_INTERPOSE_PROGRAMS:-$T_DIR/programs}
	[[ -x $dir/$1 ]] || {
		mkdir -p "$dir"
		made -C tests/programs O="$dir" "$dir/$1" >&2
	}
	echo "$dir/$1"
}
