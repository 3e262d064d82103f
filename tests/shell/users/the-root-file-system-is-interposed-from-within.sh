#!/bin/bash
# tier: full
# kcsan: yes
# timeout: 240
# Given a root file system under load, from which everything runs, dmsetup included, and an empty page cache each time
# When snapshot-origin is attached and detached from within it, and a snapshot is taken
# Then every command comes to its end, the snapshot is a clean file system, and all data are verified
. tests/lib/test.sh
. tests/lib/cycles.sh
requires_target interpose snapshot

references_note
disk=$(scratch a)
cow=$(scratch b)
dev=$(partition "$disk" 192)
root=$(mkfs_mounted ext4 "$dev")
programs=(/bin/bash /bin/cat "$(command -v dmsetup)")
mapfile -t libraries < <(ldd "${programs[@]}" | grep -o '/[^ :]*lib[^ :]*\.so[^ :]*' | sort -u)
cp -L --parents "${programs[@]}" "${libraries[@]}" "$root"
for dir in dev proc sys; do
	mkdir "$root/$dir"
	cleanup unmount_if_there "$root/$dir"
	mount --bind "/$dir" "$root/$dir"
done
printf '%s\n' "dmsetup=${programs[2]}" "size=$(sectors "$dev")" "dev=$dev" "cow=$cow" "x=$P-x" "snap=$P-snap" \
	"what_runs=(${programs[*]} ${libraries[*]})" >"$root/script"
cat >>"$root/script" <<'END'
set -eu
# run COMMAND…: nothing of it is in memory
run() {
	echo 3 >/proc/sys/vm/drop_caches
	"$@"
}
for n in 1 2 3; do
	run $dmsetup create $x --table "0 $size interpose $dev snapshot-origin"
	run $dmsetup status $x
	run $dmsetup remove $x
done
run $dmsetup create $x --table "0 $size interpose $dev snapshot-origin"
read -r _ _ _ _ _ beneath _ <<<"$($dmsetup status $x)"
# what runs while reads wait is brought into memory before; the document's way, in a ramfs, is tested in lifecycle/
run cat "${what_runs[@]}" >/dev/null
$dmsetup version >/dev/null
$dmsetup suspend $x
$dmsetup create $snap --table "0 $size snapshot /dev/$beneath $cow P 32"
$dmsetup resume $x
run $dmsetup status $snap
END
cleanup dm_remove_if_there "$P-x"
cleanup dm_remove_if_there "$P-snap"
# inside RUN…: from within the root; without udev, /dev/mapper is kept by dmsetup itself
inside() {
	chroot "$root" /bin/bash "$@"
}
fio_verify_start load "$root" --size=16M --fdatasync=32
inside /script
wait_redirected x
fsck_clean "/dev/mapper/$P-snap"
fio_verify_check load
inside -c "echo 3 >/proc/sys/vm/drop_caches; exec ${programs[2]} remove $P-snap"
inside -c "echo 3 >/proc/sys/vm/drop_caches; exec ${programs[2]} remove $P-x"
fio_verify_stop load
for dir in sys proc dev; do
	umount "$root/$dir"
done
umount "$root"
fsck_clean "$dev"
references_back "$disk"
test_done
