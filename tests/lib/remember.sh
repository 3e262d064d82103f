# shellcheck shell=bash
# What has passed before. Each verdict of a run goes to a table, $results, with all that it depends on: the kernel, by
# the name of its build, which tools/build makes from what it is made of; the options of the guest; and the key, of the
# sources and of the test's own file. With --resume, what has passed with the same ones counts as passed.
#
#   date  run  kernel  options  key  result  seconds  test	(tabs between)
#
# The key is "-" if something has changed since the run began, or with a kernel that was not built: nobody goes by that.

readonly RESULTS_HEADER=$'# date\trun\tkernel\toptions\tkey\tresult\tseconds\ttest'
readonly GUESTS='the guests stay alive' # how the names of the guests' own verdicts begin

results=''             # the table; none for tests of the harness, unless they ask for it
declare -A state_of=() # scope → checksum of the sources that it takes in
declare -A passed_as=() # kernel, options, key and test → date

# scope_of INDEX: what its result depends on beside its own file. Only tests of the host look at everything. That of a
# test in a guest is without the other tests, and the documents but the one whose commands tests run.
scope_of() {
	case ${names[$1]} in
	host:*) scope=all ;;
	meta:* | boot:*) scope=tests ;;
	*) scope=guest ;;
	esac
}

# files_in SCOPE
files_in() {
	local skip='^$'
	case $1 in
	tests) skip='^(README\.md$|tests/README\.md$|Documentation/block/)' ;;
	guest) skip='^(README\.md$|tests/README\.md$|Documentation/block/|tests/(shell|host|boot|meta|mutants)/)' ;;
	esac
	{ git ls-files -co --exclude-standard 2>/dev/null || find . -type f ! -path './.git/*' -printf '%P\n'; } |
		grep -Ev "$skip" | sort
}

# What is not in the checkout: the compiler, the kernel's source, and the programs in which or with which tests run
surroundings() {
	local tarball="/usr/src/linux-source-${DM_INTERPOSE_LINUX:-6.12}.tar.xz"
	stat -L -c '%s-%Y' "$tarball" 2>/dev/null
	"${CC:-gcc}" --version 2>/dev/null | head -n 1
	dpkg-query -W qemu-system-x86 udev dmsetup lvm2 fio e2fsprogs xfsprogs btrfs-progs f2fs-tools 2>/dev/null
	echo "${DM_INTERPOSE_APPEND:-} ${KERNEL_MAKEFLAGS:-}"
}

note_sources() {
	local name
	: >"$logs/begun" # before they are read
	for name in all tests guest; do
		state_of[$name]=$({
			surroundings
			files_in "$name" | xargs -d '\n' sha256sum 2>/dev/null
		} | sha256sum | cut -c1-12)
	done
}

# own_files INDEX: sets own to the file of the test and the tests that this one goes through once more
own_files() {
	own=("${commands[$1]%% *}")
	[[ -f ${own[0]} ]] || {
		own=()
		return
	}
	# shellcheck disable=SC2207 # names without blanks
	own+=($(sed -n 's,^\. \(tests/shell/.*\),\1,p' "${own[0]}"))
}

# identity INDEX: sets it to what the table says of the test, from the kernel to the key
identity() {
	local scope own one kernel='' sum=-
	scope_of "$1"
	own_files "$1"
	((${#own[@]} == 0)) || sum=$(cat "${own[@]}" | sha256sum | cut -c1-12)
	for one in ${groups[$1]%%|*}; do
		kernel+=${kernel:++}$(readlink "$kernels_dir/$one" || echo "$one")
	done
	it="${kernel:--}"$'\t'"${groups[$1]#*|}"$'\t'"${state_of[$scope]}.$sum"
}

# changed_since_begun INDEX: or something that its result depends on
changed_since_begun() {
	local scope own where
	scope_of "$1"
	own_files "$1"
	case $scope in
	all | tests) where=(.) ;;
	*) where=(block include drivers patches stock tools userspace bench tests/lib tests/kunit tests/programs tests/modules
		tests/faults tests/matrix tests/run Kconfig.fragment Documentation/admin-guide) ;;
	esac
	[[ $(find "${where[@]}" "${own[@]}" -name .git -prune -o -newer "$logs/begun" -print -quit 2>/dev/null) ]]
}

open_results() {
	results=${DM_INTERPOSE_RESULTS:-}
	[[ $results || ${DM_INTERPOSE_TESTS:-} ]] || results=$cache/results
	[[ $results ]] || return 0
	# shellcheck disable=SC1091 # only one name of it is wanted
	kernels_dir=$(. tools/lib.sh && echo "$KERNELS")
	note_sources
	[[ -s $results ]] || echo "$RESULTS_HEADER" >"$results"
	exec {lock}>>"$results.lock"
	flock "$lock"
	if (($(wc -l <"$results") > 60000)); then
		{ echo "$RESULTS_HEADER" && tail -n 50000 "$results"; } >"$results.new" && mv "$results.new" "$results"
	fi
	exec {lock}>&-
}

# record INDEX VERDICT SECONDS
record() {
	local it lock
	[[ $results && $2 != "$REMEMBERED" ]] || return 0
	identity "$1"
	! changed_since_begun "$1" || it=${it%$'\t'*}$'\t-'
	exec {lock}>>"$results.lock"
	flock "$lock"
	printf '%(%Y-%m-%d %H:%M)T\t%s\t%s\t%s\t%s\t%s\n' -1 "${logs##*/}" "$it" "${2%% *}" "$3" "${names[$1]}" >>"$results"
	exec {lock}>&-
}

# newest_results: the last line of each test in the same circumstances; a failure of a guest itself takes back what the
# tests in such guests have found in that run
newest_results() {
	awk -F'\t' -v OFS='\t' -v guests="$GUESTS" '
		/^#/ || $5 == "-" { next }
		{
			this = $3 OFS $4 OFS $5 OFS $8
			line[this] = $0
			within = $2 OFS $3 OFS $4
			if (index($8, guests) != 1) {
				in_run[within] = in_run[within] this "\n"
			} else if ($6 == "fail") {
				n = split(in_run[within], those, "\n")
				for (i = 1; i < n; i++)
					delete line[those[i]]
			}
		}
		END { for (this in line) print line[this] }' "$results"
}

read_memory() {
	local date kernel options key result test
	[[ $resume && $results ]] || return 0
	# a tab is white space for read, and what is empty between two would be skipped
	while IFS=$'\x1f' read -r date _ kernel options key result _ test; do
		[[ $result != pass ]] || passed_as[$kernel$'\t'$options$'\t'$key$'\t'$test]=$date
	done < <(newest_results | tr '\t' '\037')
}

REMEMBERED="pass (remembered)"

# remembered INDEX
remembered() {
	local it
	[[ $resume && $results ]] || return 1
	identity "$1"
	[[ ${passed_as[$it$'\t'${names[$1]}]:-} ]]
}

# recall_guests GUEST-INDEX…: reports the tests in these guests that have passed before. Of a group whose tests all have,
# while nothing is known of its guests, one runs again. Sets needed to those guests that still are.
recall_guests() {
	local guest i left known
	needed=()
	for guest in "$@"; do
		left=() known=()
		for i in "${!kinds[@]}"; do
			[[ ${kinds[i]} == vm && ${groups[i]} == "${groups[guest]}" ]] || continue
			if remembered "$i"; then
				known+=("$i")
			else
				left+=("$i")
			fi
		done
		if ((${#left[@]} == 0)) && ! remembered "$guest"; then
			left=("${known[0]}") known=("${known[@]:1}")
		fi
		for i in ${known[@]+"${known[@]}"}; do
			report "$i" "$REMEMBERED" 0
		done
		if ((${#left[@]})); then
			needed+=("$guest")
		else
			report "$guest" "$REMEMBERED" 0
		fi
	done
}

# show_table: for each test of the plan, what is known of it as things are now; says how many there are of each kind
show_table() {
	local i it known date result
	declare -A newest=() counts=()
	logs=$(mktemp -d "${TMPDIR:-/tmp}/dm-interpose-table.XXXXXX")
	open_results
	while IFS= read -r known; do
		IFS=$'\x1f' read -r date _ kernel options key result _ test <<<"${known//$'\t'/$'\x1f'}"
		newest[$kernel$'\t'$options$'\t'$key$'\t'$test]=$known
	done < <(newest_results)
	rm -rf "$logs"
	printf '%s\n' "${RESULTS_HEADER#\# }" | cut -f1,3-
	for i in "${!kinds[@]}"; do
		identity "$i"
		known=${newest[$it$'\t'${names[i]}]:--$'\t-\t'$it$'\tnot run\t-\t'${names[i]}}
		cut -f1,3- <<<"$known"
		result=$(cut -f6 <<<"$known")
		counts[$result]=$((${counts[$result]:-0} + 1))
	done
	echo "${counts[pass]:-0} passed, ${counts[fail]:-0} failed, ${counts[skip]:-0} skipped, ${counts[not run]:-0} not run"
	((${counts[pass]:-0} == ${#kinds[@]}))
}
