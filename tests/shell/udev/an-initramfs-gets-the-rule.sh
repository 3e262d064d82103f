#!/bin/bash
# tier: full
# timeout: 400
# Given our udev rule and our hook of initramfs-tools, and of other hooks those of udev and of device-mapper
# When an initramfs is made
# Then it has our rule as well as theirs
. tests/lib/test.sh
requires mkinitramfs lsinitramfs

rules=/lib/udev/rules.d hooks=/usr/share/initramfs-tools/hooks
conf=$T_DIR/conf
mkdir -p "$conf"/{hooks,scripts,conf.d}
printf 'MODULES=list\nBUSYBOX=auto\nCOMPRESS=gzip\n' >"$conf/initramfs.conf"
: >"$conf/modules"
cleanup rm -f "$rules/56-dm-interpose.rules" "/boot/config-$(uname -r)"
install -m 644 userspace/udev/56-dm-interpose.rules "$rules"
install -m 755 userspace/initramfs/dm-interpose "$conf/hooks"
echo CONFIG_RD_GZIP=y >"/boot/config-$(uname -r)" # mkinitramfs asks; nobody boots this one

# all that are installed would take many minutes here
cp "$hooks"/{udev,dmsetup} "$T_DIR"
cleanup unmount_if_there "$hooks"
mount -t tmpfs none "$hooks"
cp "$T_DIR"/{udev,dmsetup} "$hooks"

mkinitramfs -d "$conf" -o "$T_DIR/initramfs" "$(uname -r)" >"$T_DIR/log" 2>&1 || fail "mkinitramfs: $(<"$T_DIR/log")"
lsinitramfs "$T_DIR/initramfs" | grep -oE '/[0-9]+-dm[a-z-]*\.rules$' | tr -d / | sort >"$T_DIR/rules"
equal "rules of device-mapper" "55-dm.rules 56-dm-interpose.rules 95-dm-notify.rules" "$(xargs <"$T_DIR/rules")"
test_done
