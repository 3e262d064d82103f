#!/bin/bash
# Given the generator of systemd, built with ASan and UBSan, an interposetab, and an fstab that names the same devices
# When it is run, and then with a hundred interposetabs of random pieces
# Then it writes the units that are ordered before the mounts and after the devices, by the names that systemd-escape
#   gives them, says which lines are bad, and never fails nor writes anywhere else
. tests/lib/test.sh
requires systemd-escape

made -C userspace/boot O="$T_DIR" SAN=1 all
units=$T_DIR/units
mkdir "$units"
label='a\x20b-c.d'
cat >"$T_DIR/tab" <<END
data   LABEL=$label        -              era UUID=12-34 %d 8192
pinned /dev/mapper/vg-lv   pin            linear %d 0
root   /dev/sda1           initramfs      linear %d 0
late   /dev/sdb            noauto         linear %d 0
loose  /dev/sdc            nofail         linear %d 0
filed  /dev/sde            nofail,pin     era FILE=/var/a\x20b%c %d 128
inside /dev/sdf            -              era FILE=/inside/era %d 128
bad    /dev/sdd
END
cat >"$T_DIR/fstab" <<END
LABEL=$label /srv/with\\040blank ext4 defaults 0 2
/dev/sda1 / ext4 defaults 0 1
/dev/sdb /late ext4 defaults 0 2
/dev/sdc /loose ext4 defaults 0 2
/dev/sde /filed ext4 defaults 0 2
/dev/sdf /inside/ ext4 defaults 0 2
/dev/mapper/vg-lv none swap sw 0 0
END

# generated TAB: into $units
generated() {
	SYSTEMD_INTERPOSETAB=$1 SYSTEMD_FSTAB=$T_DIR/fstab "$T_DIR/interpose-generator" "$units" "$units" "$units"
}

# has UNIT FILE LINE…: and the lines in it
has() {
	local file=$units/$1.d/$2 line
	[[ -f $file ]] || fail "there is no ${file#"$units"/}"
	for line in "${@:3}"; do
		grep -qxF -- "$line" "$file" || fail "$1 lacks '$line': $(<"$file")"
	done
}

# lacks UNIT WORD
lacks() {
	not grep -q -- "$2" "$units/interpose@$1.service.d/50-interposetab.conf"
}

generated "$T_DIR/tab" 2>"$T_DIR/said"
equal "what it says" "interpose-generator: $T_DIR/tab:8: the OPTIONS field (- for none) is missing; a line is \
NAME DEVICE OPTIONS TARGET [ARGUMENT...]
interpose-generator: inside: FILE=/inside/era lies below /inside/, which is to be mounted when inside is attached; name \
a file elsewhere" "$(<"$T_DIR/said")"
device=$(systemd-escape --path --suffix=device "/dev/disk/by-label/$label")
other=$(systemd-escape --path --suffix=device /dev/disk/by-uuid/12-34)
conf=50-interposetab.conf
has interpose@data.service $conf "BindsTo=$device" "After=$device $other" "Requires= $other" Before=local-fs-pre.target \
	Conflicts=umount.target Before=umount.target \
	"Before=systemd-fsck@${device%.device}.service ${device%.device}.swap"
mount=$(systemd-escape --path --suffix=mount "/srv/with blank")
has "$mount" 50-interpose-data.conf Wants=interpose@data.service After=interpose@data.service \
	AssertPathExists=/dev/mapper/data
has interpose@pinned.service $conf 'Wants=dev-mapper-vg\x2dlv.device' RefuseManualStop=yes ExecStop=
has interpose@root.service $conf Wants=dev-sda1.device
for name in pinned root; do
	lacks "$name" umount.target
	lacks "$name" BindsTo
done
has interpose@late.service $conf BindsTo=dev-sdb.device
has loose.mount 50-interpose-loose.conf After=interpose@loose.service
lacks late local-fs-pre
lacks loose local-fs-pre
has interpose@filed.service $conf Wants=dev-sde.device Conflicts=umount.target Before=umount.target RefuseManualStop=yes
has interpose@filed.service 51-interposetab-file.conf 'RequiresMountsFor="/var/a b%%c"' After=systemd-remount-fs.service \
	ExecStop= "ExecStop=/usr/sbin/interposectl stop --shutdown %i"
has filed.mount 50-interpose-filed.conf After=interpose@filed.service
lacks inside local-fs-pre
equal "wanted at boot" "data filed inside loose pinned root" \
	"$(cd "$units/local-fs.target.wants" && printf '%s\n' * | sed 's/interpose@\(.*\).service/\1/' | xargs)"
equal "wanted for the line with era" interpose-track.timer "$(cd "$units/timers.target.wants" && echo *)"
equal "mounts" "filed.mount.d loose.mount.d $mount.d" "$(cd "$units" && printf '%s\n' *.mount.d | xargs -d '\n')"

RANDOM=${SEED:=$RANDOM}
note "SEED=$SEED"
pieces=(data ../x /dev/sda1 /dev/../../x UUID=a/b UUID= LABEL=../../.. - pin 'nofail,noauto' linear era FILE=/a FILE=/%\\x20 %d %n % '#' $'\x01\xff' "$P"
	$'\n' ' ' "$(printf 'x%.0s' {1..300})" /dev/"$(printf 'y/%.0s' {1..400})")
for ((i = 0; i < 100; i++)); do
	for ((n = 0; n < 40; n++)); do
		printf '%s ' "${pieces[RANDOM % ${#pieces[@]}]}"
		((n % 5)) || echo
	done >"$T_DIR/tab"
	cp "$T_DIR/tab" "$T_DIR/fstab"
	generated "$T_DIR/tab" 2>"$T_DIR/said" || fail "status $? with SEED=$SEED: $(<"$T_DIR/said")"
	rm -rf "$units"
	mkdir "$units"
done
equal "written" "fstab interpose-generator said tab units" "$(cd "$T_DIR" && printf '%s\n' * | xargs)"
test_done
