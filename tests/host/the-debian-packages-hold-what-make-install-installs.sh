#!/bin/bash
# tier: full
# timeout: 600
# Given the sources of the userland
# When its Debian packages are built
# Then lintian has nothing to say, the files are those of make install, and the version is interposectl's
. tests/lib/test.sh

tools/deps --packaging >"$T_DIR/log" 2>&1 || fail "$(<"$T_DIR/log")"
tools/deb "$T_DIR/deb" >"$T_DIR/log" 2>&1 || fail "$(<"$T_DIR/log")"
note "$(tail -n 1 "$T_DIR/log")"

packages=("$T_DIR"/deb/*.deb)
for package in "${packages[@]}"; do
	[[ $package == *dbgsym* ]] || dpkg -x "$package" "$T_DIR/root"
done
make -s -C userspace O="$T_DIR/build" install DESTDIR="$T_DIR/wanted" >"$T_DIR/log" 2>&1 || fail "$(<"$T_DIR/log")"
# debhelper packs what is for reading
files() { (cd "$1" && find . ! -type d ! -path '*/doc/*' ! -path '*/lintian/*' | sed 's/\.gz$//' | sort); }
files "$T_DIR/wanted" >"$T_DIR/files.wanted"
(($(wc -l <"$T_DIR/files.wanted") > 8)) || fail "make install has installed next to nothing: this test is broken"
equal "the files of the packages" "$(<"$T_DIR/files.wanted")" "$(files "$T_DIR/root")"

version=$("$T_DIR/root/usr/sbin/interposectl" --version)
for package in "${packages[@]}"; do
	equal "version of ${package##*/}" "${version#* }" "$(dpkg-deb -f "$package" Version)"
done
test_done
