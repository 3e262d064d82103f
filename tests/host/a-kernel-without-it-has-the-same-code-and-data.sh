#!/bin/bash
# timeout: 1200
# Given the pristine and the patched kernel, both configured without BLK_INTERPOSER, and without the options that put
#   line numbers into code or data
# When the existing files that the series edits, and those that include an edited header, are compiled in both
# Then each section of code and data, and each relocation in it, is the same; exports excepted
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
	make -C "$tree" O="$out" CC="ccache gcc" HOSTCC="ccache gcc" -j"$(nproc)" prepare "$@"
}

# Sections that are loaded, without what EXPORT_SYMBOL makes; the content, then relocations by symbol
dump() {
	local object=$1 section
	readelf -SW "$object" | sed -n 's/^ *\[ *[0-9]*\] //p' | awk '$7 ~ /A/ || $8 ~ /A/ { print $1, $5 }' |
		grep -vE '^(\.export_symbol|__k(sym|crc)tab|__ksymtab_strings|\.modinfo|\.note|\.discard)' |
		while read -r section size; do
			printf '%s %s ' "$section" "$size"
			objcopy -O binary --only-section="$section" "$object" "$T_DIR/section" 2>/dev/null
			sha256sum <"$T_DIR/section"
		done
	readelf -rW "$object" | awk '/^Relocation section/ { name = $3 }
		name !~ /export_symbol|ksymtab|discard|note/ && /R_X86/ { $2 = ""; print name, $0 }'
}

export_build_environment
(lock "$CLONE/build.lock" && ensure_patched) # a build that is under way goes first
mapfile -t objects < <({
	patched_files | grep '\.c$'
	printf '%s.c\n' block/{bio,blk-core,blk-mq,genhd,bdev} drivers/md/{dm,dm-table,dm-target} fs/buffer
} | sort -u | sed 's/\.c$/.o/')
pristine=$CLONE/check-6.12/pristine-off patched=$CLONE/check-6.12/patched-off
build "$PRISTINE" "$pristine" "${objects[@]}"
build "$PATCHED" "$patched" "${objects[@]}"
for object in "${objects[@]}"; do
	dump "$pristine/$object" >"$T_DIR/pristine"
	dump "$patched/$object" >"$T_DIR/patched"
	grep -q '^\.text [0-9a-f]* ' "$T_DIR/pristine" || fail "$object has no code: the comparison is broken"
	diff "$T_DIR/pristine" "$T_DIR/patched" || fail "$object differs"
	note "$object: $(wc -l <"$T_DIR/pristine") sections and relocations are the same"
done
test_done
