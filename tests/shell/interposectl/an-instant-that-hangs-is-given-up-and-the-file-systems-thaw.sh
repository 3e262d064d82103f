#!/bin/bash
# tier: full
# timeout: 400
# Given two mounted ext4, and a COW store on a mapped device that stops answering once both are suspended
# When interposectl makes a snapshot of both, that is given up after half a minute
# Then it ends, fails and names the COW store; both file systems take writes; "recover", another command and a removal end
#   in time, and say that a process hangs; when the store answers again, "recover" leaves nothing behind
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target snapshot

interposectl_cleans
cleanup resume_if_there cow
resume_if_there() {
	! dm_exists "$P-$1" || dmsetup resume "$P-$1"
}
dev=$(partition "$(scratch a)" 64 64)
two=${dev%1}2
spare=$(partition "$(scratch b)" 64 64)
cow=$(linear_create cow "${spare%1}2")
at=$(mkfs_mounted ext4 "$dev") two_at=$(mkfs_mounted ext4 "$two")
interpose one "$dev" snapshot-origin >/dev/null
interpose two "$two" snapshot-origin >/dev/null
# no process is started until both are suspended
for map in one two cow; do
	echo "read -r $map <$(sysfs_dir "/dev/mapper/$P-$map")/dm/suspended"
done >"$T_DIR/hang"
echo "[ \"\$one\$two\$cow\" != 110 ] || dmsetup suspend --noflush $P-cow" >>"$T_DIR/hang"
status=0
be_patient # both must be suspended before that
limit=$((30 * patience <= 600 ? 30 * patience : 600))
said=$(RUN="sh $T_DIR/hang" in_time 100 "$INTERPOSECTL-killed" snapshot --timeout "$limit" --name "$P-snap" --cow "$spare" \
	--cow "$cow" "$at" "$two_at" 2>&1) || status=$?
note "$said"
equal "status" 1 "$status"
says "given up after $limit seconds" "$cow, the COW store of $P-snap-${two##*/}, does not answer" "interposectl recover"
take_writes "$at" "$two_at"
for ((i = 0; i < 2; i++)); do
	interposectl_status 1 recover
	says "cannot be undone: a process of that command waits in the kernel"
	interposectl_status 1 snapshot --remove "$P-snap"
	says "cannot be undone: a process of that command waits in the kernel"
	interposectl_status 0 attach --name "$P-other" "$(scratch c)"
	interposectl_status 0 detach "$P-other"
	take_writes "$at" "$two_at"
done
dmsetup resume "$P-cow"
wait_until "what hung can be undone" 60 "$INTERPOSECTL" -q recover
equal "mapped devices" "$P-cow $P-one $P-two" "$(dmsetup ls | cut -f1 | sort | xargs)"
equal "records" "" "$(ls /run/interposectl)"
take_writes "$at" "$two_at"
dd if=/dev/zero of="$spare" bs=4096 count=1 conv=fsync status=none
dd if=/dev/zero of="$cow" bs=4096 count=1 conv=fsync status=none
interposectl_status 0 snapshot --name "$P-snap" --cow "$spare" --cow "$cow" "$at" "$two_at"
interposectl_status 0 snapshot --remove "$P-snap"
umount "$at" "$two_at"
fsck_clean "$dev"
fsck_clean "$two"
test_done
