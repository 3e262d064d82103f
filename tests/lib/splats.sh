# shellcheck shell=bash
# What a kernel log must not contain. Two classes: a splat is a bug whatever a test says; an I/O complaint
# is a failure unless the test has declared it (expects_dmesg), because some tests make devices fail.

. tools/splats.sh

IO_COMPLAINTS='I/O error|lost (async|sync) page write|critical (medium|target|space allocation|nexus) error'
IO_COMPLAINTS+='|EXT4-fs.*(error|failed|read-only)|Aborting journal|JBD2:.*(rror|abort)'
IO_COMPLAINTS+='|XFS.*(orruption|shut|error)|BTRFS.*(error|critical|alert|corrupt)'

# find_io_complaints FILE-OF-EXPECTED-REGEXES < log
find_io_complaints() {
	if [[ -s $1 ]]; then
		grep -Ev -f "$1" | grep -E -- "$IO_COMPLAINTS" || true
	else
		grep -E -- "$IO_COMPLAINTS" || true
	fi
}
