# shellcheck shell=bash
# A small system with systemd, on a disk of its own, made of this machine's files; tests of the host boot it with
# tools/vm/run --system, and look at its disks when it is off. They source this file after test.sh, and name the kernel
# in their header, or several, of which the first is booted unless SYSTEM_KERNEL is set. What is on the disks is in $DISKS/vda.raw …; nobody needs to be root to look at it.

# shellcheck source=tools/lib.sh
. "$REPO/tools/lib.sh"

DISKS=$T_DIR/disks
TREE=$T_DIR/tree # of the root file system
read -ra SYSTEM_KERNELS < <(sed -n 's/^# kernel: *//p' "$T_FILE")
SYSTEM_KERNEL=${SYSTEM_KERNELS[0]}
mkdir -p "$DISKS"

# What a service of the system is, or is not, to wait for takes half of the time of a boot under emulation
readonly MASKED=(systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket
	systemd-journald-audit.socket systemd-journal-flush.service systemd-random-seed.service systemd-update-utmp.service
	systemd-hwdb-update.service systemd-pstore.service systemd-machine-id-commit.service systemd-sysusers.service
	systemd-binfmt.service systemd-firstboot.service systemd-journal-catalog-update.service systemd-update-done.service
	systemd-ask-password-console.path systemd-ask-password-wall.path proc-sys-fs-binfmt_misc.automount
	dev-hugepages.mount dev-mqueue.mount sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount
	systemd-sysctl.service systemd-repart.service systemd-modules-load.service systemd-boot-system-token.service
	systemd-update-utmp-runlevel.service systemd-tmpfiles-setup.service systemd-tmpfiles-clean.timer)


# packages_copied PACKAGE…: their files, but nothing that is to be read by people
packages_copied() {
	dpkg -L "$@" | grep -E '^/(bin|sbin|lib|etc|usr/(s?bin|lib|share/initramfs-tools))/' |
		grep -vE '/hwdb\.d/|/systemd/(catalog|user|boot)/|/environment\.d/|/modprobe\.d/' |
		while read -r file; do
			[[ ! -f $file && ! -L $file ]] || echo "$file"
		done | sort -u | xargs -d '\n' cp -P --parents -t "$TREE"
}

# libraries_copied: of all programs in the tree
libraries_copied() {
	find "$TREE"/usr/{bin,sbin,lib*} -type f -size +4k \( -perm /111 -o -name '*.so*' \) ! -name '*.ko' -print0 |
		(xargs -0 ldd 2>/dev/null || true) | grep -v ':$' | grep -o '/[^ ]*' | sort -u |
		while read -r file; do
			[[ -e $TREE$file ]] || cp -L --parents -t "$TREE" "$file"
		done
}

# unit NAME: what it says is read from standard input
unit() {
	cat >"$TREE/etc/systemd/system/$1"
}

units_made() {
	local unit
	for unit in "${MASKED[@]}"; do
		ln -sf /dev/null "$TREE/etc/systemd/system/$unit"
	done
	mkdir -p "$TREE/etc/systemd/system.conf.d"
	printf '%s\n' '[Manager]' DefaultStandardOutput=tty LogTarget=kmsg ShowStatus=no DefaultTimeoutStopSec=60s \
		>"$TREE/etc/systemd/system.conf.d/test.conf"
	unit default.target <<-END
		[Unit]
		Requires=basic.target
		Wants=job.service
	END
	unit job.service <<-END
		[Unit]
		After=basic.target dev-virtio\\x2dports-out.device
		Wants=dev-virtio\\x2dports-out.device
		[Service]
		Type=oneshot
		TimeoutStartSec=infinity
		WorkingDirectory=/root
		ExecStart=/bin/bash -c '/bin/bash -eu /root/job >/dev/virtio-ports/out 2>&1'
		ExecStopPost=/bin/bash -c '[[ -e /run/ended ]] || systemctl --no-block poweroff'
	END
	# nobody is there to repair anything
	unit emergency.service <<-END
		[Unit]
		DefaultDependencies=no
		SuccessAction=poweroff-force
		FailureAction=poweroff-force
		[Service]
		Type=oneshot
		ExecStart=-/bin/bash -c 'echo "emergency: the boot has failed" >/dev/kmsg'
	END
}

# system_made [PACKAGE…]: the tree of a system with systemd, udev, our userland, and these packages
# shellcheck disable=SC2120
system_made() {
	local dir kernel
	requires dpkg mke2fs debugfs e2fsck
	mkdir -p "$TREE"/{dev,proc,sys,run,tmp,root,mnt,srv,boot,etc/systemd/system,var/{lib,tmp,log}}
	for dir in bin sbin lib lib64; do
		mkdir -p "$TREE/usr/$dir"
		ln -s "usr/$dir" "$TREE/$dir"
	done
	ln -s ../run "$TREE/var/run"
	ln -s /lib/systemd/systemd "$TREE/sbin/init"
	packages_copied systemd libsystemd-shared udev dmsetup kmod mount util-linux util-linux-extra e2fsprogs \
		logsave bash dash coreutils sed grep findutils libc-bin debianutils "$@"
	made -C userspace O="$T_DIR/userspace" install DESTDIR="$TREE" >"$T_DIR/log" 2>&1 || fail "$(<"$T_DIR/log")"
	libraries_copied
	cp -L --parents -t "$TREE" /etc/{passwd,group,nsswitch.conf,os-release,ld.so.cache}
	echo 0123456789abcdef0123456789abcdef >"$TREE/etc/machine-id"
	echo interposed >"$TREE/etc/hostname"
	echo "/dev/vda / ext4 defaults 0 1" >"$TREE/etc/fstab"
	mkdir -p "$TREE/usr/lib/modules"
	for kernel in "${SYSTEM_KERNELS[@]}"; do
		cp -r "$KERNELS/$kernel"/modules/* "$TREE/usr/lib/modules"
	done
	units_made
}

# system_installed: the tree goes to the first disk
system_installed() {
	rm -f "$DISKS/vda.raw"
	mke2fs -q -t ext4 -d "$TREE" "$DISKS/vda.raw" 1G >"$T_DIR/log"
}

# initrd_made FILE: for a kernel whose drivers are modules; it loads what the root is on, and goes there
initrd_made() {
	local tree=$T_DIR/initrd.d at=$KERNELS/$SYSTEM_KERNEL release module
	requires busybox cpio
	release=$(basename "$at"/modules/*)
	rm -rf "$tree"
	mkdir -p "$tree"/{bin,dev,root,early}
	cp /bin/busybox "$tree/bin"
	for module in virtio_pci virtio_blk ext4; do
		modprobe -d "$at" -S "$release" --show-depends "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$T_DIR/early"
	xargs cp -t "$tree/early" <"$T_DIR/early"
	sed 's,.*/,,' "$T_DIR/early" >"$tree/early/order"
	cat >"$tree/init" <<-'END'
		#!/bin/busybox sh
		/bin/busybox mount -t devtmpfs devtmpfs /dev
		for module in $(/bin/busybox cat /early/order); do
			/bin/busybox insmod "/early/$module"
		done
		until /bin/busybox mount -t ext4 /dev/vda /root; do /bin/busybox sleep 1; done
		/bin/busybox mount --move /dev /root/dev
		exec /bin/busybox switch_root /root /sbin/init
	END
	chmod +x "$tree/init"
	(cd "$tree" && find . | cpio -o -H newc --quiet) >"$1"
}

# data_disk LETTER: another disk with an ext4; prints its UUID
data_disk() {
	rm -f "$DISKS/vd$1.raw"
	mke2fs -q -t ext4 "$DISKS/vd$1.raw" 256M >"$T_DIR/log"
	truncate -s 1G "$DISKS/vd$1.raw" # the rest stays empty
	blkid -p -o value -s UUID "$DISKS/vd$1.raw"
}

# job: what the system does when it is up, from standard input; what it prints comes to $said. It may use poweroff and
# reboot; what comes to its end, or fails, is switched off.
job() {
	cat - >"$TREE/root/job" <<-'END'
		ended() {
			>/run/ended
			systemctl --no-block "$@" 2>/dev/null # of a bus that is not there
			exit 0
		}
		poweroff() { ended poweroff; }
		reboot() { ended reboot; }
	END
	cat >>"$TREE/root/job"
}

# system_boots [OPTION…]: what the job has printed is in $said, the console in $console. It is off when this returns, in
# its own time, and all file systems have been unmounted.
# shellcheck disable=SC2120
system_boots() {
	console=$T_DIR/console
	: >"$console"
	be_patient
	said=$("$REPO/tools/vm/run" --no-build --kernel "$SYSTEM_KERNEL" --system --keep-disks "$DISKS" --console "$console" \
		--mem 1G --timeout $((${BOOT_LIMIT:-300} * 4 * patience)) "$@") || {
		note "$said"
		fail "the system has not come up and gone down (status $?)"
	}
	note "$said"
}

# console_has TEXT…: a part of a line each
console_has() {
	local text
	for text; do
		grep -qF -- "$text" "$console" || fail "the console has no '$text'"
	done
}

# console_in_order TEXT…: the first lines with them follow each other so
console_in_order() {
	local text line last=0
	for text; do
		line=$(grep -nF -m 1 -- "$text" "$console") || fail "the console has no '$text'"
		line=${line%%:*}
		((line > last)) || fail "'$text' comes too early"
		last=$line
	done
}

# said_line KEY: the rest of the line that the job has printed with that first
said_line() {
	local line
	while read -r line; do
		[[ $line != "$1 "* ]] || echo "${line#"$1 "}"
	done <<<"$said"
}

# disk_kept LETTER: a copy of it as it is now
disk_kept() {
	cp --sparse=always "$DISKS/vd$1.raw" "$T_DIR/vd$1.kept"
}

# every_write_logged LETTER LOG: the writes that log-writes has recorded on disk LOG make of the copy what the disk is
every_write_logged() {
	local entries log=$DISKS/vd$2.raw
	entries=$("$(program log-replay)" count "$log")
	((entries >= 20)) || fail "only $entries writes were recorded"
	"$(program log-replay)" apply "$log" "$T_DIR/vd$1.kept" 0 "$entries" >"$T_DIR/marks"
	cmp "$T_DIR/vd$1.kept" "$DISKS/vd$1.raw" || fail "not every write to vd$1 has passed the inner target"
	note "$entries writes make vd$1 what it is"
}

# disk_clean LETTER: its file system is intact, and was unmounted
disk_clean() {
	local disk=$DISKS/vd$1.raw super
	e2fsck -fn "$disk" >"$T_DIR/fsck" 2>&1 || fail "vd$1 is damaged: $(<"$T_DIR/fsck")"
	super=$(dumpe2fs -h "$disk" 2>"$T_DIR/log")
	[[ $super == *clean* && $super != *needs_recovery* ]] || fail "vd$1 was not unmounted: $super"
}
