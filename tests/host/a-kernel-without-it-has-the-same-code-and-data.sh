#!/bin/bash
# timeout: 1200
# Given the pristine and the patched kernel, both configured without BLK_INTERPOSER, and without the options that put
#   line numbers into code or data
# When the existing files that the series edits, and those that include an edited header, are compiled in both
# Then each section of code and data, and each relocation in it, is the same
# Exports are excepted, and switched off for both: to export a function changes how the compiler treats it.
. tests/lib/test.sh
. tests/lib/tree.sh

config() {
	sed '/^CONFIG_\(BLK_INTERPOSER\|DM_INTERPOSE\|KUNIT\|BLK_DEV_DM\|DM_SNAPSHOT\|IKCONFIG\)/d' tools/config/base.config tools/config/plain.config
	printf 'CONFIG_%s\n' BLK_DEV_DM=y MODULES=y
	printf '# CONFIG_%s is not set\n' BLK_INTERPOSER DEBUG_BUGVERBOSE DYNAMIC_DEBUG DEBUG_INFO DEBUG_KERNEL
}

build() {
	local tree=$1 out=$2
	shift 2
	mkdir -p "$out"
	config >"$out/wanted.config"
	make -C "$tree" O="$out" CC="ccache gcc" HOSTCC="ccache gcc" KCONFIG_ALLCONFIG="$out/wanted.config" allnoconfig
	not grep -E 'CONFIG_(BLK_INTERPOSER|DEBUG_BUGVERBOSE|DYNAMIC_DEBUG)=y' "$out/.config"
	make -C "$tree" O="$out" CC="ccache gcc" HOSTCC="ccache gcc" -j"$(nproc)" \
		KCFLAGS=-D__DISABLE_EXPORTS prepare "$@"
}

# Sections that are loaded: name, size, content
sections() {
	local section size
	readelf -SW "$1" | sed -n 's/^ *\[ *[0-9]*\] //p' | awk '$7 ~ /A/ || $8 ~ /A/ { print $1, $5 }' |
		grep -vE '^(\.modinfo|\.note|\.discard)' |
		while read -r section size; do
			printf '%s %s ' "$section" "$size"
			objcopy -O binary --only-section="$section" "$1" "$T_DIR/section" 2>/dev/null
			sha256sum <"$T_DIR/section"
		done
}

# What the code and data refer to. A symbol of this object is resolved to its place, so that one that has become
# visible to other files is still the same.
relocations() {
	{
		readelf -SW "$1" | sed -n 's/^ *\[ *\([0-9]*\)\] \([^ ]*\).*/section \1 \2/p'
		readelf -sW "$1" | awk '$1 ~ /^[0-9]+:$/ && $7 ~ /^[0-9]+$/ && $8 != "" { print "symbol", $7, $8 }'
		readelf -rW "$1"
	} | awk '
		function hex(text, i, n) {
			for (i = 1; i <= length(text); i++)
				n = n * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
			return n
		}
		$1 == "section" { names[$2] = $3; next }
		$1 == "symbol" { home[$3] = names[$2]; next }
		/^Relocation section/ { within = $3; next }
		within ~ /discard|note/ || !/R_X86/ { next }
		$5 in home { print within, $1, $3, home[$5], hex($4) + ($6 == "-" ? -hex($7) : hex($7)); next }
		{ print within, $1, $3, $5, $6, $7 }'
}

dump() {
	sections "$1"
	relocations "$1"
}

export_build_environment
(lock "$CLONE/build.lock" && ensure_patched) # a build that is under way goes first
mapfile -t objects < <({
	patched_files | grep '\.c$'
	printf '%s.c\n' block/{bio,blk-core,blk-mq,genhd,bdev} drivers/md/{dm,dm-table,dm-target} fs/buffer
} | sort -u | sed 's/\.c$/.o/')
pristine=$CLONE/check-6.12/pristine-off patched=$CLONE/check-6.12/patched-off
# shellcheck disable=SC2153 # the capitals are those of tools/lib.sh
build "$PRISTINE" "$pristine" "${objects[@]}"
# shellcheck disable=SC2153
build "$PATCHED" "$patched" "${objects[@]}"
different=()
for object in "${objects[@]}"; do
	dump "$pristine/$object" >"$T_DIR/pristine"
	dump "$patched/$object" >"$T_DIR/patched"
	grep -q '^\.text [0-9a-f]* ' "$T_DIR/pristine" || fail "$object has no code: the comparison is broken"
	if diff "$T_DIR/pristine" "$T_DIR/patched"; then
		note "$object: $(wc -l <"$T_DIR/pristine") sections and relocations are the same"
	else
		different+=("$object")
	fi
done
((${#different[@]} == 0)) || fail "different: ${different[*]}"
test_done
