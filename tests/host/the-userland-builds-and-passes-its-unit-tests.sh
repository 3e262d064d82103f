#!/bin/bash
# timeout: 900
# Given the sources of interposectl
# When they are built and installed, and its unit tests run with ASan and UBSan
# Then there is no warning, all parts are there, all tests pass, and each command and option that it knows is in its
#   manual page
. tests/lib/test.sh

made -C userspace O="$T_DIR/plain" install DESTDIR="$T_DIR/root" >"$T_DIR/log" 2>&1 || fail "$(<"$T_DIR/log")"
equal "what the build has to say" "" "$(<"$T_DIR/log")"
made -C userspace O="$T_DIR/san" SAN=1 check >"$T_DIR/check" 2>&1 || fail "$(grep -v '^ok' "$T_DIR/check")"
(($(grep -c '^ok' "$T_DIR/check") > 50)) || fail "too few unit tests: this test is broken"

interposectl=$T_DIR/root/usr/sbin/interposectl
for file in usr/sbin/interposectl usr/sbin/interpose-monitor usr/lib/*/libdevmapper-event-interpose.so \
	usr/share/man/man8/interposectl.8 usr/share/man/man5/interposetab.5 lib/systemd/system/interpose@.service \
	lib/systemd/system/interpose-track.service lib/systemd/system/interpose-track.timer lib/systemd/system-shutdown/dm-interpose \
	lib/systemd/system-generators/interpose-generator usr/share/initramfs-tools/scripts/local-premount/dm-interpose \
	usr/share/bash-completion/completions/interposectl usr/libexec/interposectl/interpose-backup \
	lib/udev/rules.d/56-dm-interpose.rules usr/share/initramfs-tools/hooks/dm-interpose; do
	compgen -G "$T_DIR/root/$file" >"$T_DIR/installed" || fail "not installed: $file"
done
manual=$(sed 's/\\-/-/g; s/\\f[BIR]//g' "$T_DIR/root/usr/share/man/man8/interposectl.8")
mapfile -t commands < <("$interposectl" --help | sed -n 's/^  \([a-z][a-z]*\).*/\1/p' | sort -u)
((${#commands[@]} >= 8)) || fail "the commands are not found: this test is broken"
for command in "${commands[@]}"; do
	[[ $manual == *"$command"* ]] || fail "the manual page lacks $command"
	for option in $("$interposectl" "$command" --help | grep -oE -- '--[a-z-]+' | sort -u || true); do
		[[ $manual == *"$option"* ]] || fail "the manual page lacks $option of $command"
	done
done
test_done
