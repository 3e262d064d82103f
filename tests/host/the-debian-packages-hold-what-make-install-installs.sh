#!/bin/bash
# tier: full
# timeout: 600
# Given the sources of the userland
# When its Debian packages are built
# Then lintian has nothing to say, the files are those of make install, the documents that manual pages and messages name
#   are there, the packages of the programs that interposectl runs are recommended, and the version is interposectl's
. tests/lib/test.sh

tools/deps --packaging >"$T_DIR/log" 2>&1 || fail "$(<"$T_DIR/log")"
tools/deb --userland "$T_DIR/deb" >"$T_DIR/log" 2>&1 || fail "$(<"$T_DIR/log")"
note "$(tail -n 1 "$T_DIR/log")"

packages=("$T_DIR"/deb/*.deb)
for package in "${packages[@]}"; do
	[[ $package == *dbgsym* ]] || dpkg -x "$package" "$T_DIR/root"
done
made -C userspace O="$T_DIR/build" install DESTDIR="$T_DIR/wanted" >"$T_DIR/log" 2>&1 || fail "$(<"$T_DIR/log")"
# debhelper packs what is for reading, and adds a change log and the copyright
files() { (cd "$1" && find . ! -type d ! -name 'changelog*' ! -name copyright ! -path '*/lintian/*' | sed 's/\.gz$//' | sort); }
files "$T_DIR/wanted" >"$T_DIR/files.wanted"
(($(wc -l <"$T_DIR/files.wanted") > 8)) || fail "make install has installed next to nothing: this test is broken"
equal "the files of the packages" "$(<"$T_DIR/files.wanted")" "$(files "$T_DIR/root")"

doc=$T_DIR/root/usr/share/doc/interposectl
named=$(cat userspace/man/* userspace/interposectl/*.c userspace/lib/*.c | sed 's/\\-/-/g' | grep -oE '[a-z-]+\.rst' | sort -u)
[[ $named == *dm-interpose.rst* ]] || fail "no document is named: this test is broken"
for file in $named; do
	cmp "$doc/$file" "$(find Documentation -name "$file")" || fail "$file is not in the package as it is here"
done
sed 's/\\-/-/g' userspace/man/interposectl.8 | grep -q /usr/share/doc/interposectl/dm-interpose.rst ||
	fail "interposectl(8) does not say where the document is"
wants=$(dpkg-deb -f "$T_DIR/deb/interposectl_"*.deb Depends Recommends)
for package in dm-interpose-dkms dmsetup interposectl-backup lvm2 thin-provisioning-tools; do
	[[ $wants == *"$package"* ]] || fail "interposectl does not recommend $package, which it needs or runs programs of"
done

version=$("$T_DIR/root/usr/sbin/interposectl" --version)
for package in "${packages[@]}"; do
	equal "version of ${package##*/}" "${version#* }" "$(dpkg-deb -f "$package" Version)"
done
test_done
