# shellcheck shell=bash disable=SC2034
# Paths and functions that the tools share. Source it; it does nothing itself.
#
# Everything the tools make lives under one cache directory, outside the
# checkout:
#   src/6.12/pristine      Debian's kernel source as packaged, never modified
#   ccache/                compiler cache, shared by all checkouts
#   clones/NAME-HASH/      one per checkout of this repository:
#     source-6.12/           pristine plus overlay (tools/overlay)
#     unpatched/             source and object files of a kernel without it
#     build-6.12/KIND/       object files (tools/build)
#     kernels/KIND-…/        finished kernels; a running VM keeps its own
#     logs/                  build and console logs
# The paths below clones/NAME-HASH are the same for every checkout, so relative
# to there the compiler cache sees identical commands.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
PROGRAM=$(realpath "$0")
PROGRAM=${PROGRAM#"$ROOT/"}
KERNEL_VERSION=6.12
TARBALL=/usr/src/linux-source-$KERNEL_VERSION.tar.xz

CACHE=${DM_INTERPOSE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dm-interpose}
CLONE=$CACHE/clones/$(basename "$ROOT")-$(printf %s "$ROOT" | sha256sum | cut -c1-8)
PRISTINE=$CACHE/src/$KERNEL_VERSION/pristine
PATCHED=$CLONE/source-$KERNEL_VERSION
BUILD=$CLONE/build-$KERNEL_VERSION
KERNELS=$CLONE/kernels
LOGS=$CLONE/logs

# shellcheck source=tools/splats.sh
. "$ROOT/tools/splats.sh"

say() { printf '%s: %s\n' "$PROGRAM" "$*" >&2; }
die() { say "$*"; exit 1; }

# Prints the comment block at the top of the running script, as its --help.
print_header() { sed -n '2,/^[^#]/ { /^#/ s/^# \{0,1\}//p }' "$0"; }

# lock FILE: waits for, then holds until exit, an exclusive lock on FILE.
lock() {
	local file=$1 fd
	mkdir -p "$(dirname "$file")"
	exec {fd}>"$file"
	flock -n "$fd" && return
	say "waiting for another run that holds $file"
	flock "$fd"
}

# apt_get ARGUMENT...: apt-get itself waits for the lock of dpkg alone, and not
# for those of its lists and of its archives.
apt_get() {
	local wait_for_locks=${DM_INTERPOSE_APT_WAIT:-600}
	local errors status deadline=$((SECONDS + wait_for_locks)) told=false
	errors=$(mktemp "${TMPDIR:-/tmp}/dm-interpose-apt.XXXXXX")
	while :; do
		status=0
		apt-get -q -o DPkg::Lock::Timeout="$wait_for_locks" "$@" 2>"$errors" || status=$?
		if ((status == 0 || SECONDS >= deadline)) || ! grep -q 'Could not get lock' "$errors"; then
			break
		fi
		$told || say "waiting for another program that has locked apt's files"
		told=true
		sleep 1
	done
	cat "$errors" >&2
	rm -f "$errors"
	return "$status"
}

# Identifies the installed tarball: a package update changes it.
tarball_identity() { stat -L -c '%s-%Y' "$TARBALL"; }

ensure_pristine() {
	local stamp=$PRISTINE.stamp
	[[ -r $TARBALL ]] || die "$TARBALL is missing: run tools/deps"
	[[ -f $stamp && $(<"$stamp") == "$(tarball_identity)" ]] && return
	say "unpacking $TARBALL"
	rm -rf "$PRISTINE" "$PRISTINE.new" "$stamp"
	mkdir -p "$PRISTINE.new"
	tar -C "$PRISTINE.new" --strip-components=1 -I 'xz -T0' -xf "$TARBALL"
	mv "$PRISTINE.new" "$PRISTINE"
	tarball_identity >"$stamp"
}

# free_space DIRECTORY: in MiB
free_space() { df --output=avail -BM "$1" | tail -n 1 | tr -dc 0-9; }

# in_use CACHE-OF-A-CHECKOUT: by a build or a virtual machine
in_use() {
	local file
	for file in "$1"/build-*/*.lock "$1"/kernels/*/{vmlinux,vmlinuz}; do
		[[ ! -f $file ]] || flock -n "$file" true || return 0
	done
	return 1
}

# A CI job leaves a clone behind that nobody will come back to. And where space
# is short, what was built for other checkouts goes that nobody has used for
# four hours, the longest unused first: each takes 2 to 3 GiB.
prune_clones() {
	local dir idle
	for dir in "$CACHE"/clones/*/; do
		[[ -f $dir/checkout ]] || continue
		[[ -d $(<"$dir/checkout") ]] && continue
		say "removing the cache of the vanished checkout $(<"$dir/checkout")"
		rm -rf "$dir"
	done
	mapfile -t idle < <(find "$CACHE/clones" -mindepth 2 -maxdepth 2 -name checkout -mmin +240 -printf '%T@ %h\n' | sort -n | cut -d ' ' -f 2-)
	for dir in ${idle[@]+"${idle[@]}"}; do
		(($(free_space "$CACHE") < 10 * 1024)) || break
		if [[ $dir == "$CLONE" ]] || in_use "$dir"; then
			continue
		fi
		say "little space is left: removing what was built for $(<"$dir/checkout")"
		rm -rf "$dir"
	done
}

# Makes PATCHED an up-to-date copy of the pristine tree with our overlay on it.
ensure_patched() (
	stamp=$PATCHED.stamp
	mkdir -p "$CLONE"
	printf '%s\n' "$ROOT" >"$CLONE/checkout"
	lock "$CACHE/source.lock"
	prune_clones
	ensure_pristine
	if [[ ! -f $stamp || $(<"$stamp") != "$(<"$PRISTINE.stamp")" ]]; then
		say "copying the kernel source to $PATCHED"
		rm -rf "$PATCHED" "$stamp"
		cp -a --reflink=auto "$PRISTINE" "$PATCHED"
		cp "$PRISTINE.stamp" "$stamp"
	fi
	"$ROOT/tools/overlay" --quiet "$PATCHED"
)

# ensure_unpatched DIR: makes DIR a copy of the pristine tree. Of links, since
# nothing is built in it.
ensure_unpatched() (
	mkdir -p "${1%/*}"
	lock "$CACHE/source.lock"
	ensure_pristine
	[[ ! -f $1.stamp || $(<"$1.stamp") != "$(<"$PRISTINE.stamp")" ]] || return 0
	rm -rf "$1" "$1.stamp"
	cp -al "$PRISTINE" "$1"
	cp "$PRISTINE.stamp" "$1.stamp"
)

# Sets what makes two builds of the same content identical wherever they run,
# so that the compiler cache serves the second one.
export_build_environment() {
	export CCACHE_DIR=${CCACHE_DIR:-$CACHE/ccache}
	export CCACHE_BASEDIR=$CLONE CCACHE_NOHASHDIR=1
	# Finds the headers from the compiler's own list: no extra preprocessor run.
	export CCACHE_DEPEND=1
	export KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 1970'
	export KBUILD_BUILD_USER=dm-interpose KBUILD_BUILD_HOST=localhost
	export KBUILD_BUILD_VERSION=1
	mkdir -p "$CCACHE_DIR"
}

# Lists "path-in-kernel<TAB>path-in-repository" of every file the overlay adds.
overlay_files() {
	local dirs=() dir pattern target file
	cd "$ROOT" || exit
	for dir in block include drivers Documentation; do
		[[ -d $dir ]] && dirs+=("$dir")
	done
	[[ ${#dirs[@]} -eq 0 ]] ||
		find "${dirs[@]}" -type f ! -name '.*' ! -name '*~' ! -name '*.orig' \
			! -name '*.rej' ! -name '*.o' -printf '%p\t%p\n'
	while read -r pattern target; do
		[[ -z $pattern || $pattern == \#* ]] && continue
		for file in $pattern; do
			[[ -f $file ]] && printf '%s/%s\t%s\n' "${target%/}" "${file##*/}" "$file"
		done
	done <"$ROOT/tools/overlay.map"
}

# The KUnit suites that the overlay defines; whoever builds for tests wants them.
kunit_symbols() {
	sed -n 's/^+config \([A-Z0-9_]*_KUNIT_TEST\)$/\1/p' \
		"$ROOT/patches/$KERNEL_VERSION"/*.patch 2>/dev/null | sort -u
}
