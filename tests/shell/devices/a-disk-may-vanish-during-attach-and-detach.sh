#!/bin/bash
# tier: full
# kcsan: yes
# timeout: 240
# Given a disk under raw load
# When it loses its power while an interposer is being attached, or detached, several times
# Then the attach succeeds or says why not, the detach succeeds, neither hangs, and nothing is left
. tests/lib/test.sh
. tests/lib/cycles.sh
. tests/lib/vanish.sh
requires_target interpose

modprobe -q dm-interpose
modprobe null_blk nr_devices=0
references_note
disk=$(null_blk_create dies)
vanish_errors "${disk#/dev/}"
power "$disk" 0
size=$((256 * 2048))
table="0 $size interpose $disk linear $disk 0"
cleanup dm_remove_if_there "$P-x"

# on, with a load
begin() {
	power "$disk" 1
	wait_until "$disk is there" 10 test -b "$disk"
	fio_verify_start "$1" "$disk" --size=32M
	wait_io "$disk" 20
}

attached=0
for ((i = 0; i < 6; i++)); do
	begin "attach$i"
	dmsetup create "$P-x" --table "$table" 2>"$T_DIR/said" &
	creator=$!
	pause "0.$((i * 7))"
	power "$disk" 0
	status=0
	wait "$creator" || status=$?
	((status <= 1)) || fail "dmsetup create: status $status"
	if ((status)); then
		grep -q "ioctl on $P-x .*failed" "$T_DIR/said" || fail "dmsetup create says: $(<"$T_DIR/said")"
	else
		attached=$((attached + 1))
	fi
	fio_fails "attach$i"
	dm_remove_if_there "$P-x"
done
note "$attached of 6 attaches came before the end"

for ((i = 0; i < 6; i++)); do
	begin "detach$i"
	dmsetup create "$P-x" --table "$table"
	dmsetup remove "$P-x" &
	remover=$!
	pause "0.$((i * 7))"
	power "$disk" 0
	wait "$remover"
	fio_fails "detach$i"
done
null_blk_remove "${disk#/dev/}"
references_back
test_done
