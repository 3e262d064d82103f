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
