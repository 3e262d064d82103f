#!/bin/bash
# tier: full
# timeout: 3000
# Given the disk of a stock Debian 13 with our packages, and a line in interposetab for the root device
# When apt installs a newer kernel 6.12 with its headers, and then the kernel of the backports; this, which needs no kernel
#   at work, while the system is not booted; and it is booted with the newer kernel
# Then apt never fails; DKMS has built the modules for the newer one, and the root is interposed there; of the other kernel
#   this is true as well if dkms.conf has it, and else a message names it and says what that means at its boot
. tests/lib/test.sh
. tests/lib/debian.sh

# interposed_there: the root of the system that boots next, with the newest kernel
interposed_there() {
	dkms_built "$kernel"
	debian_does <<-'END'
		now
		reboot
	END
	equal "the kernel, and what is interposed" "$kernel root vda linear /" "$(said_line now)"
}

debian_made
debian_does_off <<'END'
apt_does update
apt_does install ./dm-interpose-dkms_*.deb ./interposectl_*.deb
echo "root /dev/vda initramfs linear %d 0" >/etc/interposetab
echo kernel $(ls /lib/modules)
dkms status
END
first=$(said_line kernel)
dkms_built "$first"

debian_updated update
[[ $kernel == 6.12.* && $kernel != "$first" ]] || fail "the newer kernel is $kernel, not another 6.12 than $first"
interposed_there

debian_updated next
[[ $kernel != 6.12.* ]] || fail "the kernel of the backports is $kernel"
# shellcheck disable=SC2034 # dkms.conf reads it
exclusive=$(kernelver='' kernel_source_dir='' dkms_tree='' && . stock/dkms.conf && echo "$BUILD_EXCLUSIVE_KERNEL")
if [[ $kernel =~ $exclusive ]]; then
	interposed_there
else
	[[ $said == *"dm-interpose: kernel $kernel has no module dm-interpose"* ]] || fail "nobody is warned of $kernel"
fi
disk_clean a
test_done
