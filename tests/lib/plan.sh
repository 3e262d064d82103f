# shellcheck shell=bash
# What there is to run. The plan is made before anything runs: parallel arrays, one entry a verdict.
#   kind: host | kunit (User-mode Linux) | vm (one test in a guest) | guest (the guests of a group as such)

kinds=() names=() commands=() limits=() groups=()

plan_add() {
	kinds+=("$1")
	names+=("$2")
	commands+=("$3")
	limits+=("$4")
	groups+=("${5:-}")
}

declare -A header=()

# read_header FILE: "# key: value" among the comment lines at its top, the first of each key, into $header
read_header() {
	local line
	header=()
	while IFS= read -r line && [[ $line == \#* ]]; do
		[[ $line =~ ^#\ ([a-z-]+):\ *(.*)$ && ! ${header[${BASH_REMATCH[1]}]:-} ]] || continue
		header[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
	done <"$1"
}

# shell/attach/no-write-is-lost.sh -> "attach: no write is lost"
sentence() {
	local name=${1%.sh}
	name=${name//-/ }
	echo "${name/\//: }"
}

# T=…: words of which one must be part of the path, or match it as a pattern
wanted() {
	local word
	[[ ${T:-} ]] || return 0
	for word in ${T//,/ }; do
		word=${word// /-}
		[[ $1 != @(kcsan|stock-*):* || $word == "${1%%:*}":* ]] || continue
		# shellcheck disable=SC2053 # a pattern on purpose
		[[ $1 != *"$word"* && $1 != $word ]] || return 0
	done
	return 1
}

# disks_of PATH OPTIONS [KIND]: the options of tools/vm/run that say of what kind the guest's disks are. The kind is the
# one that the test needs; or --disks of tests/run; or, so that all come to be tested with each run, one that follows
# from the path: from that of a test without options, from the options of others, which would need more guests
# otherwise. Options about disks are for virtio-blk, unless the test needs another kind.
disks_of() {
	local path=${1#kcsan:} options=$2 kind=${3:-} sum
	if [[ $kind ]]; then
		kind=${kind%% *}
	elif [[ $options =~ --(disk|write-through|qemu) ]]; then
		kind=virtio-blk
	elif [[ ${disks:-} ]]; then
		kind=$disks
	else
		read -r sum _ < <(cksum <<<"${options:-$path}")
		kind=${DISK_KINDS[sum % ${#DISK_KINDS[@]}]}
	fi
	[[ " ${DISK_KINDS[*]} " == *" $kind "* ]] || echo "$path: there are no disks of kind $kind" >&2
	[[ $kind == "${DISK_KINDS[0]}" ]] || echo "--disks $kind"
}

DISK_KINDS=(virtio-blk virtio-scsi nvme)

# in_tier [PREFIX]: the test of $header; one that is asked for by name runs whatever its tier
in_tier() {
	[[ ! ${T:-} && $tier != full ]] || return 0
	[[ ${header[tier]:-check} == check || ${1:-} == kcsan: && ${header[kcsan]:-} == yes ]]
}

# elsewhere PATH: the test does not run on the debug kernel in this tier, since it runs on a kernel of Debian's, which is
# faster; see tests/stock
elsewhere() {
	local pattern
	[[ ! ${T:-} && $tier != full && $1 != *:* ]] || return 1
	if [[ ! ${elsewhere_patterns+set} ]]; then
		mapfile -t elsewhere_patterns < <(sed -n 's/^stock-6.12[[:space:]]*instead[[:space:]]*//p' "$tests/stock" 2>/dev/null)
	fi
	for pattern in ${elsewhere_patterns[@]+"${elsewhere_patterns[@]}"}; do
		# shellcheck disable=SC2053 # a pattern on purpose
		[[ $1 != $pattern ]] || return 0
	done
	return 1
}

# plan_scripts KIND DIR PREFIX [KERNEL]
plan_scripts() {
	local kind=$1 dir=$2 prefix=$3 file path kernel=${4:-debug} options
	[[ $kind == vm ]] || kernel=''
	[[ -d $dir ]] || return 0
	while read -r file; do
		path=${file#"$dir"/}
		wanted "$prefix$path" || continue
		read_header "$file"
		if in_tier "$prefix" && ! elsewhere "$prefix$path"; then
			options=${header[vm]:-}
			[[ $kind != vm ]] || options=$(disks_of "$prefix$path" "$options" "${header[disks]:-}")${options:+ $options}
			plan_add "$kind" "$prefix$(sentence "$path")" "$file" "${header[timeout]:-120}" \
				"${header[kernel]:-$kernel}|${options# }"
		fi
	done < <(find "$dir" -name fixtures -prune -o -name '*.sh' -print | sort)
}

# plan_table FILE PREFIX COMMAND [options]: one for each line of a table; with "options", those of its guest stand behind
# the name
plan_table() {
	local cell options
	while read -r cell options; do
		if [[ ! $cell || $cell == \#* ]] || ! wanted "matrix/$2$cell"; then
			continue
		fi
		options=${4:+$options}
		options=$(disks_of "matrix/$2$cell" "$options")${options:+ $options}
		plan_add vm "matrix: $2$cell" "$3 $cell" 240 "debug|${options# }"
	done <"$tests/matrix/$1"
}

# The targets that carry data, once more with direct I/O from memory that is not aligned to sectors, which only these kinds
# of disks take
plan_unaligned() {
	local cell view kind _
	while read -r cell view _; do
		[[ $cell && $view == @(same|other) ]] || continue
		for kind in virtio-scsi nvme; do
			! wanted "matrix/unaligned:$kind:$cell" ||
				plan_add vm "matrix: unaligned:$kind:$cell" "tests/lib/unaligned-cell $cell" 240 "debug|--disks $kind"
		done
	done <"$tests/matrix/targets"
}

plan_matrix() {
	[[ ${T:-} || $tier == full ]] || return 0
	plan_table targets '' tests/lib/matrix-cell
	plan_unaligned
	plan_table devices device: tests/lib/device-cell options
}

# The tests of make check once more, and some others, in a kernel that looks for data races
plan_kcsan() {
	local tier=check
	plan_kunit vm smp kcsan: debug-kcsan
	plan_scripts vm "$tests/shell" kcsan: debug-kcsan
}

# The tests of tests/stock once more, on a kernel of Debian's with our modules. Those of the check tier have the same disks
# unless they need others, so that one guest serves them all.
plan_stock() {
	local kernel kernels=()
	[[ -r $tests/stock ]] || return 0
	mapfile -t kernels < <(awk '/^stock-[0-9]/ && !seen[$1]++ { print $1 }' "$tests/stock")
	for kernel in "${kernels[@]}"; do
		[[ ${only_kernel:-$kernel} != "$kernel" ]] || plan_stock_kernel "$kernel"
	done
}

plan_stock_kernel() {
	local kernel=$1 on in_tier pattern file path options kind
	declare -A planned=()
	while read -r on in_tier pattern _; do
		# shellcheck disable=SC2053 # stock-* is each of them
		[[ $on && $kernel == $on && (${T:-} || $tier == full || $in_tier != full) ]] || continue
		for file in "$tests"/shell/$pattern; do
			path=${file#"$tests/shell/"}
			[[ ! ${planned[$path]:-} ]] || continue
			planned[$path]=1
			[[ $in_tier != - ]] || continue
			wanted "$kernel:$path" || continue
			read_header "$file"
			kind=${header[disks]:-}
			[[ $in_tier != @(check|instead) ]] || kind=${kind:-virtio-blk}
			options=$(disks_of "$path" "${header[vm]:-}" "$kind")${header[vm]:+ ${header[vm]}}
			plan_add vm "$kernel:$(sentence "$path")" "$file" "${header[timeout]:-120}" "$kernel|${options# }"
		done
	done <"$tests/stock"
}

# plan_kunit KIND WHERE [PREFIX KERNEL]
plan_kunit() {
	local kind=$1 where=$2 prefix=${3:-} suite module places allowed
	[[ -r $tests/kunit/suites ]] || return 0
	while read -r suite module places allowed; do
		[[ $suite && $suite != \#* && ,$places, == *,$where,* ]] || continue
		wanted "${prefix}kunit-$where/$suite" || continue
		plan_add "$kind" "${prefix}kunit on $where: $suite" \
			"tests/lib/kunit-suite $suite $module ${allowed:+allowed}" 300 "${4:-debug}|"
	done <"$tests/kunit/suites"
}

# The guests themselves are judged too: that each came up, stayed up, and had nothing in its kernel log that no
# test accounts for.
plan_guests() {
	local group
	while read -r group; do
		plan_add guest "the guests stay alive with a clean kernel log (${group%%|*}${group#*|})" '' 0 "$group"
	done < <(for i in "${!kinds[@]}"; do
		[[ ${kinds[i]} != vm ]] || echo "${groups[i]}"
	done | sort -u)
}

# keep_part: of the plan what --part names. Tests of one group stay together, as far as that goes, since each guest
# costs a boot; the limits stand for what a test takes.
keep_part() {
	local n=${part%/*} of=${part#*/} i total=0 sum=0 keep=''
	local all_kinds=() all_names=() all_commands=() all_limits=() all_groups=()
	for i in "${!kinds[@]}"; do
		total=$((total + limits[i]))
	done
	while read -r i; do
		if ((sum * of >= (n - 1) * total && sum * of < n * total)); then
			keep+=" $i"
		fi
		sum=$((sum + limits[i]))
	done < <(for i in "${!kinds[@]}"; do
		printf '%s\t%06d\n' "${kinds[i]} ${groups[i]}" "$i"
	done | LC_ALL=C sort | sed 's/.*\t0*\([0-9]\)/\1/')
	all_kinds=("${kinds[@]}") all_names=("${names[@]}") all_commands=("${commands[@]}") all_limits=("${limits[@]}")
	all_groups=("${groups[@]}")
	kinds=() names=() commands=() limits=() groups=()
	for i in $(tr ' ' '\n' <<<"$keep" | sort -n); do
		plan_add "${all_kinds[i]}" "${all_names[i]}" "${all_commands[i]}" "${all_limits[i]}" "${all_groups[i]}"
	done
}

make_plan() {
	plan_tests
	[[ ! ${part:-} ]] || keep_part
	plan_guests
}

plan_tests() {
	if [[ ${only_kernel:-} ]]; then
		plan_stock
		return
	fi
	plan_scripts host "$tests/host" host:
	plan_scripts host "$tests/meta" meta:
	plan_scripts host "$tests/boot" boot:
	plan_kunit kunit uml
	plan_kunit vm smp
	plan_scripts vm "$tests/shell" ''
	[[ ! -r $tests/matrix/targets ]] || plan_matrix
	[[ ${T:-} && ${T:-} != *stock-* ]] || plan_stock
	[[ $tier != full && ${T:-} != *kcsan:* ]] || plan_kcsan
}
