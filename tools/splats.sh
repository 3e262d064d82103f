# shellcheck shell=bash disable=SC2034,SC2120
# What a kernel's log must not contain, for tools and tests alike. Source it.

# Each of these is the kernel saying that something broke.
SPLATS='BUG:|BUG at |BUG workqueue|WARNING:|KASAN|KFENCE|UBSAN|Oops|Kernel panic|-\[ cut here \]-'
SPLATS+='|general protection fault|[Uu]nable to handle|double fault|stack segment|stack-protector'
SPLATS+='|divide error:|invalid opcode|int3: 0000'
SPLATS+='|possible (recursive|irq|circular)|inconsistent lock state|suspicious RCU|bad unlock balance'
SPLATS+='|held lock freed|lock held when returning|still has locks held|non-static key'
SPLATS+='|locking correctness validator|DEBUG_LOCKS_WARN_ON|Invalid wait context'
SPLATS+='|sleeping function called|scheduling while atomic'
SPLATS+='|blocked for more than|soft lockup|hard LOCKUP|workqueue lockup'
SPLATS+='|(detected|self-detected|detected expedited) stall|rcu.*stall|rcu_(sched|preempt) kthread'
SPLATS+='|ODEBUG:|refcount_t:|percpu ref .* <= 0|list_(add|del) corruption|unreferenced object'
SPLATS+='|kobject.*(not initialized|tried to init)|cannot create duplicate filename'
SPLATS+='|page allocation failure|Out of memory'

# without_races_of_others [FILE…]: KCSAN sees the data races of the whole kernel.
# The log without the first lines of those in which no function of this project
# runs, and so without those races.
without_races_of_others() {
	sed '/BUG: KCSAN: /{/interpos/!d}' "$@"
}

# find_splats [FILE…]: the offending lines, if any
find_splats() {
	without_races_of_others "$@" | grep -aE -- "$SPLATS" || :
}

# first_splat [FILE…]: with what stands around it, which says where. The log is
# not read to its end: that "sed" is then told so is no failure.
first_splat() {
	without_races_of_others "$@" | grep -aE -m 1 -B 3 -A 60 -- "$SPLATS" || :
}
