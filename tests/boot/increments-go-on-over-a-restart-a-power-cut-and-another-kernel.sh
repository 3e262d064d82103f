#!/bin/bash
# tier: full
# timeout: 5400
# kernel: stock-6.12 stock-7.3
# Given a system with Debian's kernel, an ext4, an XFS, a btrfs and a raw device, all tracked, written to while they are
#   backed up, and a full backup of all of them
# When ten more are made over a restart, a backup that is killed, a start with a newer kernel, a power cut in the middle
#   of a backup, and a start with the old kernel
# Then each is an increment, but the first of the raw device after each start, and of the btrfs after the power cut,
#   which say why; each is, bit for bit, the snapshots it was made of; and the file systems are sound
. tests/lib/test.sh
. tests/lib/system.sh
requires qemu-img qemu-nbd mkfs.xfs mkfs.btrfs sfdisk

system_made thin-provisioning-tools qemu-utils xfsprogs btrfs-progs jq
disk=$DISKS/vdb.raw
truncate -s 1G "$disk" "$DISKS/vdc.raw"
printf 'label: gpt\n,64M\n,64M\n,128M\n,16M\n' | sfdisk -q "$disk"
printf 'label: gpt\n,16M\n,16M\n,16M\n,16M\n' | sfdisk -q "$DISKS/vdc.raw"
data_disk d >/dev/null
for word in ext4 xfs btrfs; do mkdir "$TREE/srv/$word"; done
mkdir "$TREE/srv/store"
job <<'END'
echo 1 >>/root/boots
boot=$(wc -l </root/boots)
meta=/dev/vdc at=/srv
dev() { case $1 in ext4) echo /dev/vdb1 ;; xfs) echo /dev/vdb2 ;; btrfs) echo /dev/vdb3 ;; raw) echo /dev/vdb4 ;; esac; }
words="ext4 xfs btrfs raw"
# write_some N: to all of them
write_some() {
	local w
	for w in ext4 xfs btrfs; do
		head -c 1500000 /dev/urandom >$at/$w/file$(($1 % 4))
		rm -f $at/$w/file$((($1 + 2) % 4))
		sync -f $at/$w
	done
	dd if=/dev/urandom of=/dev/vdb4 bs=64k seek=$(($1 * 37 % 250)) count=3 conv=notrunc,fsync status=none
}
writes_on() {
	while [[ ! -e /run/enough ]]; do
		for w in ext4 xfs btrfs; do echo again >>$at/$w/log; done
		dd if=/dev/urandom of=/dev/vdb4 bs=4k seek=$((RANDOM % 4000)) count=1 conv=notrunc status=none
		sync -f $at/xfs
		sleep 0.1
	done
}
# backup N: and the sums of its snapshots; prints what it is based on
backup() {
	local writer
	rm -f /run/enough
	writes_on &
	writer=$!
	interposectl backup --ram --size 16M --name $1 --to $at/store --hook-timeout 600 /dev/vdb1 /dev/vdb2 /dev/vdb3 /dev/vdb4 \
		--exec-after "for d in /dev/mapper/backup-*; do echo \${d##*-} \$(sha256sum <\$d); done >$at/store/sums.$1" \
		>/run/said 2>&1 || echo failed: backup $1: $(</run/said)
	>/run/enough
	wait $writer
	echo parents $1 $(jq -r '[.sources[] | .parent // "none"] | join(" ")' $at/store/$1.json)
	grep -o "full backup needed: .*" /run/said | sed 's/^/why /' || true
}
mount /dev/vdd $at/store
echo kernel $(uname -r)
case $boot in
1)
	mkfs.ext4 -q /dev/vdb1
	mkfs.xfs -qf --unsupported /dev/vdb2
	mkfs.btrfs -q /dev/vdb3 >/dev/null
	udevadm settle
	n=1
	for w in ext4 xfs btrfs; do
		echo "$(dev $w) $at/$w $w defaults,nofail 0 0" >>/etc/fstab
		mount $at/$w
	done
	for w in $words; do
		interposectl track on --meta $meta$n $(dev $w) || echo failed: track $w
		n=$((n + 1))
	done
	write_some 0
	backup 0
	for i in 1 2; do write_some $i; backup $i; done
	;;
2)
	write_some 3
	backup 3
	interposectl backup --ram --size 16M --limit 50k --name killed --to $at/store /dev/vdb1 /dev/vdb2 /dev/vdb3 /dev/vdb4 >/dev/null 2>&1 &
	until compgen -G "$at/store/killed.*.unfinished" >/dev/null; do sleep 0.2; done
	kill -KILL $!
	wait $! || true
	write_some 4
	backup 4
	;;
3)
	for i in 5 6; do write_some $i; backup $i; done
	write_some 20
	writes_on &
	interposectl backup --ram --size 16M --limit 50k --name cut --to $at/store /dev/vdb1 /dev/vdb2 /dev/vdb3 /dev/vdb4 >/dev/null 2>&1 &
	until compgen -G "$at/store/cut.*.unfinished" >/dev/null; do sleep 0.2; done
	sync -f $at/store
	# a btrfs that has not committed anything since the last record goes on
	systemctl stop interpose-track.timer interpose-track.service
	echo again >>$at/btrfs/log
	sync -f $at/btrfs
	echo "<0>reboot: Restarting system, by a power cut" >/dev/kmsg # tools/vm/run looks for it
	echo b >/proc/sysrq-trigger
	sleep 1000
	;;
4)
	for i in 7 8; do write_some $i; backup $i; done
	;;
5)
	for i in 9 10; do write_some $i; backup $i; done
	interposectl backup verify $at/store || echo failed: verify
	for ((i = 0; i <= 10; i++)); do
		while read -r word sum _; do
			[[ $(qemu-img convert -f qcow2 -O raw $at/store/$i.$word.qcow2 $at/store/restored && sha256sum <$at/store/restored) == "$sum "* ]] ||
				echo failed: $word of $i is not what its snapshot was
			echo compared $i $word
		done <$at/store/sums.$i
	done
	interposectl snapshot --list
	for w in $words; do interposectl track off $(dev $w) || echo failed: track off $w; done
	umount $at/ext4 $at/xfs $at/btrfs
	e2fsck -fn /dev/vdb1 >/run/fsck 2>&1 || echo failed: $(</run/fsck)
	xfs_repair -n /dev/vdb2 >/run/fsck 2>&1 || echo failed: $(</run/fsck)
	btrfs check /dev/vdb3 >/run/fsck 2>&1 || echo failed: $(</run/fsck)
	;;
esac
umount $at/store
poweroff
END
system_installed
declare -A initrds=()
# shellcheck disable=SC2153 # it is of lib/system.sh
for kernel in "${SYSTEM_KERNELS[@]}"; do
	SYSTEM_KERNEL=$kernel
	initrds[$kernel]=$T_DIR/initrd-$kernel
	initrd_made "${initrds[$kernel]}"
done

# start KERNEL RELEASE-BEGINS: no step of it has failed
start() {
	SYSTEM_KERNEL=$1
	system_boots --initrd "${initrds[$1]}"
	[[ $said != *failed:* ]] || fail "$said"
	[[ $(said_line kernel) == "$2".* ]] || fail "the kernel is $(said_line kernel)"
}

start stock-6.12 6.12
equal "bases when tracking has begun" "0 none none none none
1 0 0 0 0
2 1 1 1 1" "$(said_line parents)"
start stock-6.12 6.12
equal "bases after a restart and a backup that was killed" "3 2 2 2 none
4 3 3 3 3" "$(said_line parents)"
start stock-7.3 7.3
equal "bases with a newer kernel" "5 4 4 4 none
6 5 5 5 5" "$(said_line parents)"
start stock-7.3 7.3
equal "bases after a power cut" "7 6 6 none none
8 7 7 7 7" "$(said_line parents)"
[[ $(said_line why | wc -l) == 2 ]] || fail "it does not say why two of them are full: $said"
start stock-6.12 6.12
equal "bases with the old kernel again" "9 8 8 8 none
10 9 9 9 9" "$(said_line parents)"
equal "images that were compared" 44 "$(said_line compared | wc -l)"
test_done
