# shellcheck shell=bash
# For tests of the sources, the patches and the overlay; uses the paths and functions of the tools.

# shellcheck source=tools/lib.sh
. "$REPO/tools/lib.sh"

patches=("$REPO/patches/$KERNEL_VERSION"/*.patch)
[[ -e ${patches[0]} ]] || fail "there are no patches in patches/$KERNEL_VERSION"

# Our own C files, by their path in the repository
own_sources() {
	overlay_files | cut -f2 | grep '\.[ch]$' || true
}

# Those of the modules for a kernel that has none of it
stock_sources() {
	ls "$REPO"/stock/*.[ch] "$REPO"/stock/private/*.h
}

# The existing kernel files that the series edits
patched_files() {
	sed -n 's,^+++ b/\([^[:space:]]*\).*,\1,p' "${patches[@]}" | sort -u
}

# changed_lines +|- EXTENDED-REGEX: the lines of that kind that the series has in files whose path matches
changed_lines() {
	awk -v kind="$1" -v path="$2" '
		FNR == 1 || /^diff --git / { header = 1; next }
		/^\+\+\+ / && header { file = substr($2, 3); next }
		/^@@ / { header = 0; next }
		/^-- $/ { header = 1 }
		!header && substr($0, 1, 1) == kind && file ~ path' "${patches[@]}"
}

# pristine_tree DIR: as much of the pristine kernel source as the overlay looks at
pristine_tree() {
	local file
	(lock "$CACHE/src.lock" && ensure_pristine)
	mkdir -p "$1"
	for file in Makefile Kconfig MAINTAINERS block drivers/md include/linux Documentation/admin-guide/device-mapper \
		Documentation/block $(patched_files); do
		mkdir -p "$1/$(dirname "$file")"
		[[ -e $1/$file ]] || cp -a "$PRISTINE/$file" "$1/$file"
	done
}

# tree_state DIR: content and times of everything in it
tree_state() {
	(cd "$1" && find . -type f -printf '%p %s %T@\n' | sort && find . -type f -print0 | sort -z | xargs -0 sha256sum)
}
