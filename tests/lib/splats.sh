# shellcheck shell=bash
# What a kernel log must not contain. Two classes: a splat is a bug whatever a test says; an I/O complaint
# is a failure unless the test has declared it (expects_dmesg), because some tests make devices fail.

SPLATS='BUG:|kernel BUG at|WARNING:|KASAN|KFENCE|UBSAN|Oops|general protection fault|Unable to handle kernel'
SPLATS+='|invalid opcode|int3: 0000|double fault|Kernel panic|stack-protector'
SPLATS+='|possible (recursive|irq|circular)|inconsistent lock state|suspicious RCU|bad unlock balance|held lock freed'
SPLATS+='|lock held when returning|still has locks held|locking correctness validator|Invalid wait context'
SPLATS+='|sleeping function called|scheduling while atomic|blocked for more than|soft lockup|hard LOCKUP'
SPLATS+='|(detected|self-detected) stall|rcu_(sched|preempt) kthread|detected expedited stalls'
SPLATS+='|ODEBUG:|refcount_t:|percpu ref .* <= 0|list_(add|del) corruption|unreferenced object'
SPLATS+='|kobject.*(not initialized|tried to init)|cannot create duplicate filename|page allocation failure|Out of memory'

IO_COMPLAINTS='I/O error|lost (async|sync) page write|critical (medium|target|space allocation|nexus) error'
IO_COMPLAINTS+='|EXT4-fs.*(error|failed|read-only)|Aborting journal|JBD2:.*(rror|abort)'
IO_COMPLAINTS+='|XFS.*(orruption|shut|error)|BTRFS.*(error|critical|alert|corrupt)'

# KCSAN sees the data races of the whole kernel. Without the first lines of those in which none of our functions runs,
# and so without those races.
without_races_of_others() {
	sed '/BUG: KCSAN: /{/interpos/!d}' "$@"
}

# find_splats < log: the offending lines, if any
find_splats() {
	without_races_of_others | grep -E -- "$SPLATS" || true
}

# first_splat FILE: with what follows, which says where
first_splat() {
	without_races_of_others "$1" | grep -aE -m 1 -A 50 -- "$SPLATS"
}

# find_io_complaints FILE-OF-EXPECTED-REGEXES < log
find_io_complaints() {
	if [[ -s $1 ]]; then
		grep -Ev -f "$1" | grep -E -- "$IO_COMPLAINTS" || true
	else
		grep -E -- "$IO_COMPLAINTS" || true
	fi
}
