#!/bin/bash
# Given the unit of a backup, and a file of settings for it
# When systemd reads the unit and its timer, and the command in it is run with the settings
# Then systemd has nothing to say of them, and there is a backup as the settings have it
. tests/lib/test.sh
. tests/lib/backup.sh
requires qemu-img qemu-nbd python3 systemd-analyze

backup_setup 8M
unit=userspace/backup/interpose-backup@.service
mkdir "$T_DIR/units"
sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' "$unit" >"$T_DIR/units/interpose-backup@x.service"
cp userspace/backup/interpose-backup@.timer "$T_DIR/units/interpose-backup@x.timer"
systemd-analyze verify --man=no "$T_DIR"/units/* >"$T_DIR/said" 2>&1 || fail "$(<"$T_DIR/said")"
[[ $(<"$T_DIR/said") != *interpose-backup* ]] || fail "$(<"$T_DIR/said")"

cat >"$T_DIR/settings" <<END2
DIRECTORY=$T_DIR/store
OPTIONS=--ram --keep 2 --hooks $T_DIR/none
DEVICES=$SOURCE
END2
while IFS='=' read -r name value; do
	printf -v "$name" %s "$value"
done <"$T_DIR/settings"
read -ra words < <(sed -n 's|^ExecStart=/usr/sbin/interposectl ||p' "$unit")
[[ ${words[0]} == backup ]] || fail "no command is found: this test is broken"
for ((i = 0; i < ${#words[@]}; i++)); do
	[[ ${words[i]} != \$* ]] || words[i]=${words[i]//[\${\}]/}
done
for i in 1 2 3; do
	# as systemd does it: ${NAME} is one word, and $NAME are several
	# shellcheck disable=SC2086
	"$BACKUP" "${words[@]:0:5}" "$DIRECTORY" $OPTIONS $DEVICES
done
equal "the words of the command" "backup --progress none --idle --to DIRECTORY OPTIONS DEVICES" "${words[*]}"
equal "backups" 2 "$(good_ones | wc -w)"
test_done
