#!/bin/bash
# timeout: 900
# tier: full
# kernel: plain
# Given a raw partition under load, and a kernel without debugging, which would keep freed memory for itself
# When interposers come and go a thousand times
# Then the kernel's own memory has not grown by as much as a page a cycle
. tests/lib/test.sh
. tests/lib/cycles.sh
requires_target interpose

# What the kernel has for itself and cannot just drop
kernel_kib() {
	local name value sum=0
	while read -r name value _; do
		case $name in
		SUnreclaim: | Percpu: | KernelStack: | PageTables: | VmallocUsed:) sum=$((sum + value)) ;;
		esac
	done </proc/meminfo
	echo "$sum"
}

dev=$(partition "$(scratch a)" 256)
fio_verify_start load "$dev" --iodepth=4 --size=64M
cycles 200 "$dev" linear # until caches are filled
before=$(kernel_kib)
cycles 1000 "$dev" linear
grown=$(($(kernel_kib) - before))
note "the kernel's memory has grown by $grown KiB"
((grown < 2000)) || fail "the kernel's memory has grown by $grown KiB in 1000 cycles"
fio_verify_stop load
test_done
