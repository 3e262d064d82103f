#!/bin/bash
# timeout: 100
# Given a process in a control group with a limit, whose writes wait at a suspended interposer
# When it is resumed, or removed instead so that they go to the disk itself
# Then each write is charged once to the group, and counts once towards the limit
. tests/lib/test.sh
. tests/lib/control_group.sh
. tests/lib/probes.sh

writes=16 # at the same time
disk=$(scratch a)
dev=$(partition "$disk" 64)
control_group io
echo "$(devno "$disk") wiops=1000000" >"$group/io.max" # nobody waits for it
probes __blk_throtl_bio

charged() {
	[[ $(<"$group/io.stat") =~ (^|$'\n')$(devno "$disk")\ [^$'\n']*wios=([0-9]+) ]] || {
		echo 0
		return
	}
	echo "${BASH_REMATCH[2]}"
}

write_them() {
	in_group fio --name=writes --filename="$dev" --rw=write --bs=4k --size=$((writes * 4))k --direct=1 \
		--ioengine=libaio --iodepth=$writes --iodepth_batch_submit=$writes >"$T_DIR/fio.log"
}

all_held() {
	[[ $(interposer_held x) == "$writes" ]]
}

interpose x "$dev"
for end in resume remove; do
	before=$(charged)
	dmsetup suspend "$P-x"
	probes_clear
	write_them &
	wait_until "$writes writes wait" 60 all_held
	dmsetup "$end" "$P-x"
	wait $!
	equal "charged, ended by $end" "$writes" "$(($(charged) - before))"
	equal "counted by the limit, ended by $end" "$writes" "$(calls __blk_throtl_bio)"
done
test_done
