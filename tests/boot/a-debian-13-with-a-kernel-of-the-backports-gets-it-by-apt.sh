#!/bin/bash
# tier: full
# timeout: 7200
# Given a stock Debian 13 with the kernel of its backports, 7.x, and that kernel's headers
# When our packages are installed with apt, so that DKMS builds the modules there, the mounted root gets a snapshot and then
#   a line in interposetab, the system is restarted ten times, the line is taken away, and the packages are purged
# Then the snapshot works without a restart and shows what was there, the root is interposed each time from the initramfs
#   on, and nothing is left in the end: no module, no file, no tree of DKMS, nothing in the initramfs
. tests/lib/test.sh
. tests/lib/debian.sh

debian_made
debian_updated next
[[ $kernel == 7.* ]] || fail "the kernel of the backports is $kernel, not 7.x"
next=$kernel
debian_installs
equal "the kernel that is running" "$next" "$kernel"
debian_restarts 10
debian_purges
disk_clean a
test_done
