#!/bin/bash
# tier: full
# timeout: 400
# Given partitions with ext4, xfs, btrfs, swap, MD, LVM and LUKS on them, each interposed
# When blkid, mount, btrfs, swapon, mdadm, lvm, cryptsetup and a snapshot look at the interposers' mapped devices, at
#   work, suspended, and after their tables have been wiped
# Then none finds or takes anything there, and none waits; each finds it on the interposed device; and who scans all
#   devices finds none of the mapped ones
. tests/lib/test.sh
. tests/lib/found.sh
requires mdadm lvm cryptsetup btrfs
requires_target snapshot crypt
requires_module xfs btrfs raid1
expects_dmesg 'XFS \(dm-[0-9]*\): SB validate failed'

declare -A dev=() x=()
first=$(partition "$(scratch a)" 32 320 120 16)
second=$(partition "$(scratch b)" 16 16 32)
cow=$(scratch c)
scratch d >"$T_DIR/node" # who assembles arrays shall find ours alone
dev=([ext4]=$first [xfs]=${first%1}2 [btrfs]=${first%1}3 [swap]=${first%1}4
	[md]=$second [lvm]=${second%1}2 [luks]=${second%1}3)

# no_origin DEV: a snapshot of it has no data
no_origin() {
	dm_create snap "0 2048 snapshot $1 $cow N 8" >"$T_DIR/node"
	! asked dd if="/dev/mapper/$P-snap" of="$T_DIR/read" bs=4k count=1 iflag=direct ||
		fail "$1 is a snapshot's origin"
	[[ ! -s $T_DIR/read ]] || fail "a snapshot of $1 gave data"
	dmsetup remove "$P-snap"
}

nothing_found() {
	local kind
	for kind in "${KINDS[@]}"; do
		not_found_on "$kind" "${x[$kind]}"
	done
	no_origin "${x[ext4]}"
	note "nothing is found on mapped devices that are $1"
}

all() {
	local kind
	for kind in "${KINDS[@]}"; do
		dmsetup "$1" "$P-$kind"
	done
}

for kind in "${KINDS[@]}"; do
	signature "$kind" "${dev[$kind]}"
	x[$kind]=$(interpose "$kind" "${dev[$kind]}")
done
for kind in "${KINDS[@]}"; do
	found_on "$kind" "${dev[$kind]}"
done
nothing_found "at work"

# each scan of all devices finds the interposed one, and no mapped one
mapped="/dev/mapper/|/dev/dm-"
asked blkid -c /dev/null
said "^${dev[ext4]}:" || fail "blkid does not find ${dev[ext4]}: $(<"$T_DIR/said")"
not said "$mapped"
lvm_asked '["a/.*/"]' pvs
equal "PVs" "${dev[lvm]}" "$(sed -n 's,^ *\(/dev/[^ ]*\).*,\1,p' "$T_DIR/said")"
asked btrfs device scan
asked btrfs filesystem show
said "path /dev/" || fail "btrfs finds nothing: $(<"$T_DIR/said")"
not said "$mapped"
btrfs device scan --forget
asked mdadm --assemble --scan --run --config=partitions
md_stopped || fail "mdadm finds nothing: $(<"$T_DIR/said")"
equal "parts of the array" "${dev[md]#/dev/}" "$md_of"

all suspend
nothing_found suspended
all resume
for kind in "${KINDS[@]}"; do
	wait_until "the gate is open" 10 by_blkid "$kind" "${dev[$kind]}"
done
dmesg_since_start
[[ ! $log =~ (Buffer\ I/O|I/O\ error|lost\ async)[^$'\n']*dm-[^$'\n']* ]] ||
	fail "the kernel log says: ${BASH_REMATCH[0]}"

expects_dmesg 'I/O error.*dm-'
all wipe_table
nothing_found wiped
for kind in "${KINDS[@]}"; do
	dmsetup remove "$P-$kind"
	found_on "$kind" "${dev[$kind]}"
done
test_done
