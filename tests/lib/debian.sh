# shellcheck shell=bash
# A stock Debian 13 on a disk of its own, see tools/debian-root; tests of the host boot it, and it runs their jobs. They
# source this file after test.sh. What a job writes to /share is in $SHARE here; vmlinuz and initrd there are booted next.

# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh

SHARE=$T_DIR/share
BOOT_LIMIT=1500 # apt and mkinitramfs take minutes under emulation
mkdir -p "$SHARE"

# debian_made: with our packages, just built, in $SHARE
debian_made() {
	tools/deb "$T_DIR/deb" >"$T_DIR/log" 2>&1 || fail "$(<"$T_DIR/log")"
	debian_packages=("$T_DIR"/deb/{dm-interpose-dkms,interposectl}_*.deb)
	debian_root=$(tools/debian-root --print "${debian_packages[@]}") || fail "there is no Debian to boot"
	cp "${debian_packages[@]}" "$debian_root"/{vmlinuz,initrd} "$SHARE"
	cp --sparse=always "$debian_root/vda.raw" "$DISKS"
}

# job_begins: what all jobs know
job_begins() {
	cat <<-'END'
		export DEBIAN_FRONTEND=noninteractive LC_ALL=C
		ended() { >/run/ended; systemctl --no-block "$@"; exit 0; }
		poweroff() { ended poweroff; }
		reboot() { ended reboot; }
		# boots_next RELEASE: this kernel
		boots_next() { cp "/boot/vmlinuz-$1" /share/vmlinuz; cp "/boot/initrd.img-$1" /share/initrd; }
		# what apt said of us, or all of it if it failed
		apt_does() { apt -y "$@" >/root/log 2>&1 || { echo failed; tail -n 50 /root/log; }; grep interpose /root/log || true; }
		now() { echo now $(uname -r) $(interposectl list -n -o NAME,DEVICE,INNER,MOUNTPOINT); }
		cd /share
	END
}

# debian_does: boots, and runs the job that is read from standard input; $said and $console as for system_boots
debian_does() {
	{ job_begins; cat; } >"$SHARE/job"
	system_boots --kernel-dir "$SHARE" --initrd "$SHARE/initrd" --share "$SHARE" --mem 2G
	[[ $said != *$'\n'failed* ]] || fail "apt has failed"
}

# debian_does_off: the same, in the system while it is not booted, with this machine's kernel and at its speed
debian_does_off() {
	mkdir -p "$T_DIR/root"
	{ job_begins; cat; } >"$SHARE/job"
	# shellcheck disable=SC2016 # the shell in there expands them
	said=$(unshare --mount bash -euc '
		mount -o loop "$1" "$2"
		mount -t proc proc "$2/proc"
		mount --rbind /dev "$2/dev"
		mount --bind "$3" "$2/share"
		chroot "$2" /bin/bash -eu /share/job' - "$DISKS/vda.raw" "$T_DIR/root" "$SHARE" 2>&1) || fail "$said"
	note "$said"
	[[ $said != *$'\n'failed* ]] || fail "apt has failed"
}

# dkms_built RELEASE: the job that has just run says so
dkms_built() {
	[[ $said == *"dm-interpose/"*", $1, x86_64: installed"* ]] || fail "DKMS has not built for $1"
}

# debian_updated FOLDER: the newest kernel with its headers from there, while it is not booted; sets $kernel
debian_updated() {
	debian_does_off <<-END
		echo "deb [trusted=yes] file:/srv/$1 ./" >>/etc/apt/sources.list
		apt_does update
		apt_does install linux-image-amd64 linux-headers-amd64
		new=\$(ls -v /lib/modules | tail -n 1)
		echo kernel \$new
		dkms status 2>/dev/null || true
		boots_next \$new
	END
	kernel=$(said_line kernel)
}

# debian_installs: apt and DKMS, in the system as it is at work; the root gets a snapshot, and a line in interposetab
debian_installs() {
	debian_does <<-'END'
		apt_does update
		apt_does install ./dm-interpose-dkms_*.deb ./interposectl_*.deb
		echo kernel $(uname -r)
		dkms status
		echo before >/srv/file
		interposectl snapshot --ram --name before /
		echo after >/srv/file
		mount -o ro,noload /dev/mapper/before /mnt
		echo file $(cat /mnt/srv/file) $(cat /srv/file)
		umount /mnt
		interposectl snapshot --remove before
		echo left $(interposectl list -n -o NAME)
		echo "root /dev/vda initramfs linear %d 0" >/etc/interposetab
		update-initramfs -u
		boots_next $(uname -r)
		reboot
	END
	kernel=$(said_line kernel)
	dkms_built "$kernel"
	equal "the file in the snapshot and in the root" "before after" "$(said_line file)"
	equal "what is interposed when the snapshot is removed" "" "$(said_line left)"
}

# debian_restarts N: the root is interposed each time from the initramfs on
debian_restarts() {
	local boot
	for ((boot = 1; boot <= $1; boot++)); do
		debian_does <<-'END'
			now
			dd if=/dev/urandom of=/srv/random bs=64k count=32 conv=fsync status=none
			reboot
		END
		equal "the kernel, and what is interposed" "$kernel root vda linear /" "$(said_line now)"
		note "restarted $boot times"
	done
}

# debian_purges: without the line, and nothing is left in the end
debian_purges() {
	debian_does <<-'END'
		rm /etc/interposetab
		update-initramfs -u
		boots_next $(uname -r)
		reboot
	END
	debian_does <<-'END'
		now
		# as if one had been used
		modprobe dm-interpose
		apt_does purge dm-interpose-dkms interposectl
		echo files $(find / -xdev -path /srv -prune -o -path /share -prune -o -path /root -prune -o -iname '*interpos*' -print)
		echo modules $(ls /sys/module | grep -i interpos)
		echo modprobe $(modprobe dm-interpose 2>&1)
		echo initramfs $(lsinitramfs /boot/initrd.img-* | grep -i interpos)
		poweroff
	END
	equal "without the line" "$kernel" "$(said_line now)"
	equal "files" "" "$(said_line files)"
	equal "modules" "" "$(said_line modules)"
	equal "in the initramfs" "" "$(said_line initramfs)"
	[[ $(said_line modprobe) == *"dm-interpose not found"* ]] || fail "modprobe says: $(said_line modprobe)"
}
