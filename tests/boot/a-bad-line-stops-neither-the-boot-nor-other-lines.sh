#!/bin/bash
# tier: full
# timeout: 900
# kernel: plain
# Given an interposetab with lines that cannot be meant, lines for what cannot be attached, with and without nofail, and
#   a good one at the end, and mounts of all of these devices
# When the system boots
# Then it comes up, the good one is attached, each bad line is named with its number in the kernel's log; what may fail
#   is mounted without an interposer, and what may not is not mounted
. tests/lib/test.sh
. tests/lib/system.sh

system_made
mkdir "$TREE"/srv/{may-fail,may-not,good}
data_disk b >"$T_DIR/uuid"
data_disk c >"$T_DIR/uuid"
data_disk d >"$T_DIR/uuid"
cat >>"$TREE/etc/fstab" <<'END'
/dev/vdb /srv/may-fail ext4 defaults 0 0
/dev/vdc /srv/may-not ext4 nofail 0 0
/dev/vdd /srv/good ext4 defaults 0 0
END
{
	echo "no-target /dev/vda -"
	echo "no/name /dev/vda - linear"
	printf 'binary \x01\x02\xff\x00 \x80\n'
	head -c 100000 /dev/zero | tr '\0' x
	echo
	cat <<-'END'
		option /dev/vda nofial linear %d 0
		not-there /dev/vdz nofail linear %d 0
		may-fail /dev/vdb nofail no-such-target %d
		may-not /dev/vdc - no-such-target %d
		good /dev/vdd - linear %d 0
	END
} >"$TREE/etc/interposetab"
job <<'END'
echo interposed $(interposectl list -n -o NAME)
for at in may-fail may-not good; do
	mountpoint -q /srv/$at && echo mounted $at || echo not-mounted $at
done
poweroff
END
system_installed
system_boots
equal "interposed" good "$(said_line interposed)"
equal "mounted" "may-fail good" "$(said_line mounted | xargs)"
equal "not mounted" may-not "$(said_line not-mounted)"
console_has "/etc/interposetab:1: the target is missing; a line is" \
	"/etc/interposetab:2: 'no/name' is not a valid name; use" \
	"/etc/interposetab:3: the line contains a NUL byte; write" \
	"/etc/interposetab:4: the line is longer than 4096 bytes; shorten" \
	"/etc/interposetab:5: unknown option 'nofial'; valid options are"
test_done
