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

# Objects in use, a line each: cache, number
slab_objects() {
	local name active
	while read -r name active _; do
		[[ $name == slabinfo || $name == "#" ]] || echo "$name $active"
	done </proc/slabinfo
}

# One object left a cycle may hide in the kibibytes
no_cache_has_grown() {
	local name active now
	declare -A now
	while read -r name active; do
		now[$name]=$active
	done < <(slab_objects)
	((${#now[@]} > 10)) || fail "/proc/slabinfo is empty"
	while read -r name active; do
		((${now[$name]:-0} - active < 900)) || fail "$name has grown by $((${now[$name]} - active)) objects in 1000 cycles"
	done <"$T_DIR/slabs"
}

dev=$(partition "$(scratch a)" 256)
fio_verify_start load "$dev" --iodepth=4 --size=64M
cycles 200 "$dev" linear # until caches are filled
before=$(kernel_kib)
slab_objects >"$T_DIR/slabs"
cycles 1000 "$dev" linear
grown=$(($(kernel_kib) - before))
note "the kernel's memory has grown by $grown KiB"
((grown < 2000)) || fail "the kernel's memory has grown by $grown KiB in 1000 cycles"
fio_verify_stop load
no_cache_has_grown
test_done
