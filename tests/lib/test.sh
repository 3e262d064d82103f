# shellcheck shell=bash
# Every test sources this file first. It makes failure the default: any command that fails ends the test, and only
# reaching test_done on the last line, with every cleanup done, is a pass. tests/README.md lists the functions.

set -Eeuo pipefail
shopt -s inherit_errexit # also in $( )

# Under emulation, with all its debugging on, a kernel starts five processes a second. What runs in every test is
# therefore made of shell builtins.
[[ ${BASH_SOURCE[0]} == tests/lib/test.sh ]] || {
	echo "run it in the top directory of the checkout" >&2
	exit 1
}
REPO=$PWD
LIB=$REPO/tests/lib
: "${T_DIR:=$(mktemp -d /tmp/dm-interpose-test.XXXXXX)}" # the runner's, or our own when a test is started by hand
T_FILE=$0
P=it$$ # the prefix of every device this test makes
export T_DIR P REPO LIB
export LC_ALL=C
[[ -e /run/udev/control ]] || export DM_DISABLE_UDEV=1
: >>"$T_DIR/.cleanups"
: >>"$T_DIR/.expects-dmesg"
exec {T_NEVER}<> <(:) # a pipe in which nothing ever comes

# --- saying things ---------------------------------------------------------------------------------------------

note() {
	echo "# $*" >&2
}

fail() {
	echo "FAIL: $*" >&2
	[[ -s $T_DIR/.verdict ]] || printf 'fail %s\n' "$*" >"$T_DIR/.verdict"
	exit 1
}

# In a subshell only a message: what its failure means is for the test to say ("$(grep -c x file)" prints 0 and fails)
on_error() {
	local status=$1 command=$2 where=$3
	[[ -s $T_DIR/.verdict || $BASHPID != "$$" ]] || printf 'fail line %s: %s (status %s)\n' "$where" "${command%%$'\n'*}" "$status" >"$T_DIR/.verdict"
	echo "FAIL: ${T_FILE##*/} line $where: $command (status $status)" >&2
}
trap 'on_error $? "$BASH_COMMAND" "$(lines_up)"' ERR

# The line of the test itself, and through which helpers it went: "14 (dm_create 30)"
lines_up() {
	local i out=''
	for ((i = 1; i < ${#FUNCNAME[@]}; i++)); do
		if [[ ${FUNCNAME[i]} == main ]]; then
			out="${BASH_LINENO[i - 1]}${out:+ in$out}"
		else
			out=" ${FUNCNAME[i]}:${BASH_LINENO[i - 1]}$out"
		fi
	done
	echo "$out"
}

# --- cleanup and the verdict -----------------------------------------------------------------------------------

# cleanup COMMAND…: registered BEFORE the action that needs it, run in reverse order at the end, pass or fail.
# Kept in a file, so that dev=$(loop_create 64M) can register from its subshell.
cleanup() {
	printf '%q ' "$@" >>"$T_DIR/.cleanups"
	echo >>"$T_DIR/.cleanups"
}

run_cleanups() {
	local lines i ok=0
	mapfile -t lines <"$T_DIR/.cleanups"
	for ((i = ${#lines[@]} - 1; i >= 0; i--)); do
		(eval "${lines[i]}") || {
			echo "FAIL: cleanup: ${lines[i]}" >&2
			ok=1
		}
	done
	: >"$T_DIR/.cleanups"
	return "$ok"
}

# Runs at every exit of the test
finish() {
	local status=$?
	trap - ERR
	set +e
	if ! run_cleanups; then
		[[ -s $T_DIR/.verdict ]] || echo "fail a cleanup failed" >"$T_DIR/.verdict"
		status=1
	fi
	# a subshell may have failed where nobody looked at its status
	[[ ! -s $T_DIR/.verdict || $(<"$T_DIR/.verdict") != fail* ]] || status=1
	if ((status == 0)) && [[ ${T_DONE:-} ]]; then
		echo "done" >"$T_DIR/.verdict"
	fi
	exit "$status"
}
trap finish EXIT

# The last line of every test
test_done() {
	T_DONE=1
	exit 0
}

# --- what a test needs -----------------------------------------------------------------------------------------

# An unmet need is a failure, unless the header says "# may-skip: <why that is all right>".
unmet() {
	local allowed
	allowed=$(sed -n 's/^# may-skip: *//p' "$T_FILE")
	[[ $allowed ]] || fail "unmet requirement: $*"
	echo "skip $* ($allowed)" >"$T_DIR/.verdict"
	exit 0
}

requires() {
	local command
	for command in "$@"; do
		command -v "$command" >/dev/null || unmet "$command is not installed"
	done
}

# requires_target NAME…: device-mapper targets, by the name used in a table
requires_target() {
	local target
	for target in "$@"; do
		case $target in
		snapshot* | linear | striped | error) ;;
		*) modprobe -q "dm-$target" 2>/dev/null || true ;;
		esac
		[[ $target != snapshot* ]] || modprobe -q dm-snapshot 2>/dev/null || true
		dmsetup targets | grep -q "^$target " || unmet "the kernel has no device-mapper target $target"
	done
}

requires_module() {
	local module
	for module in "$@"; do
		modprobe "$module" 2>/dev/null || unmet "the kernel has no module $module"
	done
}

# expects_dmesg REGEX: I/O complaints that this test provokes. BUG, WARNING and the like cannot be declared.
expects_dmesg() {
	printf '%s\n' "$@" >>"$T_DIR/.expects-dmesg"
}

# --- expected failures -----------------------------------------------------------------------------------------

# not COMMAND…: passes if the command fails of its own will. Death by signal and a command that is not there are
# no expected failure.
not() {
	local status=0
	"$@" || status=$?
	((status != 0)) || fail "succeeded, and should have failed: $*"
	((status < 126)) || fail "status $status (signal or not runnable) is no expected failure: $*"
}

errno_text() {
	case $1 in
	EPERM) echo "Operation not permitted" ;; ENOENT) echo "No such file or directory" ;;
	EIO) echo "Input/output error" ;; ENXIO) echo "No such device or address" ;;
	EAGAIN) echo "Resource temporarily unavailable" ;; ENOMEM) echo "Cannot allocate memory" ;;
	EACCES) echo "Permission denied" ;; ENOTBLK) echo "Block device required" ;;
	EBUSY) echo "Device or resource busy" ;; EEXIST) echo "File exists" ;; ENODEV) echo "No such device" ;;
	EINVAL) echo "Invalid argument" ;; ENOSPC) echo "No space left on device" ;; EROFS) echo "Read-only file system" ;;
	ERANGE) echo "Numerical result out of range" ;; EDEADLK) echo "Resource deadlock avoided" ;;
	ELOOP) echo "Too many levels of symbolic links" ;; EOPNOTSUPP) echo "Operation not supported" ;;
	ENOTSUPP) echo "Unknown error 524" ;; EILSEQ) echo "Invalid or incomplete multibyte or wide character" ;;
	*) fail "errno_text does not know $1" ;;
	esac
}

# dmesg_since MARK: sets $log to what the kernel log says after the last line with it
dmesg_since() {
	local lines i
	mapfile -t lines < <(dmesg)
	for ((i = ${#lines[@]} - 1; i >= 0; i--)); do # ${log##*"$1"} takes a second for 20 KiB, and hours for a megabyte
		[[ ${lines[i]} != *"$1"* ]] || break
	done
	log=$(printf '%s\n' "${lines[@]:i+1}")
}

# dmesg_since_start: the same for what has come since this test began (in the guest)
dmesg_since_start() {
	dmesg_since "${T_LOG_MARK:-a start by hand: all of it}"
}

# expect_error 'text' [ERRNO] -- COMMAND…: the command fails, by no signal, with the text in what it says or in the
# kernel log while it ran, and with the errno's text in what it says
expect_error() {
	local text=$1 errno='' status=0 mark said log=''
	shift
	if [[ $1 != -- ]]; then
		errno=$(errno_text "$1")
		shift
	fi
	shift
	mark="dm-interpose expects an error $RANDOM$RANDOM"
	[[ -z ${IN_GUEST:-} ]] || echo "$mark" >/dev/kmsg
	said=$("$@" 2>&1 >/dev/null) || status=$?
	[[ -z $errno || $said == *"$errno"* ]] || fail "expected '$errno' from: $*, but it said: $said"
	[[ -z ${IN_GUEST:-} ]] || dmesg_since "$mark"
	said+=$log
	((status != 0)) || fail "succeeded, and should have failed with '$text': $*"
	((status < 126)) || fail "status $status (signal or not runnable) is no expected failure: $*"
	[[ $said == *"$text"* ]] || fail "expected '$text' from: $*, but it said: $said"
}

# pause SECONDS: a sleep without a process
pause() {
	read -rt "$1" -u "$T_NEVER" || true
}

# in_time SECONDS COMMAND…: for what may hang, and would be waited for without a poll
in_time() {
	local limit=$1
	shift
	be_patient
	timeout $((limit * 2 * patience)) "$@"
}

# wait_until 'reason' SECONDS COMMAND…: a bounded poll
wait_until() {
	local reason=$1 since=$SECONDS limit=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		! out_of_time "$since" "$limit" || fail "timed out waiting until $reason: $*"
		pause 0.1
	done
}

# equal 'what' WANTED GOT
equal() {
	[[ $2 == "$3" ]] || fail "$1: wanted '$2', got '$3'"
}

# shellcheck source=tests/lib/patience.sh
. "$LIB/patience.sh"
# shellcheck source=tests/lib/programs.sh
. "$LIB/programs.sh"
# shellcheck source=tests/lib/devices.sh
. "$LIB/devices.sh"
# shellcheck source=tests/lib/fio.sh
. "$LIB/fio.sh"
# shellcheck source=tests/lib/interposer.sh
. "$LIB/interposer.sh"
