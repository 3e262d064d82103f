#!/bin/bash
# tier: full
# timeout: 300
# Given the package of the modules for Debian's own kernel
# When it is built, and configured on a running kernel 6.1, on 6.12 with and without headers, on 7.3, and on others
# Then it has the sources for DKMS, of the version and for the kernels that it says, and depends on what they need; where
#   DKMS can build nothing it names the packages to install
. tests/lib/test.sh

tools/deps --packaging >"$T_DIR/log" 2>&1 || fail "$(<"$T_DIR/log")"
tools/deb --dkms "$T_DIR/deb" >"$T_DIR/log" 2>&1 || fail "$(<"$T_DIR/log")"
package=("$T_DIR"/deb/dm-interpose-dkms_*_all.deb)
dpkg -x "${package[0]}" "$T_DIR/root"
dpkg -e "${package[0]}" "$T_DIR/control"
version=$(dpkg-deb -f "${package[0]}" Version)
source=$T_DIR/root/usr/src/dm-interpose-$version
grep -x "PACKAGE_VERSION=\"$version\"" "$source/dkms.conf"
stock/lay-out "$T_DIR/wanted"
equal "the sources" "$(cd "$T_DIR/wanted" && find . -type f | LC_ALL=C sort)" "$(cd "$source" && find . -type f | LC_ALL=C sort)"
diff -r "$T_DIR/wanted" "$source"
depends=$(dpkg-deb -f "${package[0]}" Depends)
for name in dkms pahole linux-headers; do
	[[ $depends == *"$name"* ]] || fail "it does not depend on $name: $depends"
done
grep -q "dkms/common.postinst" "$T_DIR/control/postinst" || fail "DKMS is not told of it"

# shellcheck disable=SC2034 # as DKMS sets them
kernel_source_dir='' dkms_tree='' kernelver=''
. "$source/dkms.conf"

# configured KERNEL: sets $said
mkdir -p "$T_DIR"/{bin,modules/{6.12.1-amd64,7.3.4+deb13-amd64}/build}
configured() {
	printf '#!/bin/sh\necho %s\n' "$1" >"$T_DIR/bin/uname"
	chmod +x "$T_DIR/bin/uname"
	said=$(PATH=$T_DIR/bin:$PATH MODULES=$T_DIR/modules stock/debian/dm-interpose-dkms.postinst configure)
}

for kernel in 6.1.0-32-amd64 6.120.1-amd64 7.1.3+deb13-amd64 7.30.1-amd64 7.4.1+deb13-amd64; do
	configured "$kernel"
	[[ $said == *"running kernel, $kernel,"*"apt install linux-image-6.12-amd64 linux-headers-6.12-amd64"* ]] ||
		fail "on $kernel it says: $said"
	[[ ! $kernel =~ $BUILD_EXCLUSIVE_KERNEL ]] || fail "DKMS would build for $kernel"
done
kernelver=6.12.1-without-its-image
exclusive=$(. "$source/dkms.conf" && echo "$BUILD_EXCLUSIVE_KERNEL")
[[ ! $kernelver =~ $exclusive ]] || fail "DKMS would build without dm-mod"
for kernel in 6.12.1-amd64 7.3.4+deb13-amd64; do
	configured "$kernel"
	equal "on a kernel that it is for" "" "$said"
	[[ $kernel =~ $BUILD_EXCLUSIVE_KERNEL ]] || fail "DKMS would not build for $kernel"
done
configured 6.12.2-amd64
[[ $said == *"apt install linux-headers-6.12.2-amd64"* ]] || fail "without headers it says: $said"
test_done
