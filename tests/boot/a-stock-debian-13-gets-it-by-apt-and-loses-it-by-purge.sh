#!/bin/bash
# tier: full
# timeout: 7200
# Given a stock Debian 13 as debootstrap and apt make it, with Debian's kernel 6.12, systemd, udev and initramfs-tools
# When our packages are installed with apt, so that DKMS builds the modules there, the mounted root gets a snapshot and then
#   a line in interposetab, the system is restarted ten times, the line is taken away, and the packages are purged
# Then the snapshot works without a restart and shows what was there, the root is interposed each time from the initramfs
#   on, and nothing is left in the end: no module, no file, no tree of DKMS, nothing in the initramfs
. tests/lib/test.sh
. tests/lib/debian.sh

debian_made
debian_installs
debian_restarts 10
debian_purges
disk_clean a
test_done
