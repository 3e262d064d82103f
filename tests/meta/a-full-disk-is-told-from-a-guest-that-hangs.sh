#!/bin/bash
# Given a guest (made of paper: a script in the place of QEMU) that QEMU stops for want of space for its disks; a disk that
#   is nearly full beforehand; caches of checkouts that are long unused, in use, or needed no longer, on a full disk
# When tools/vm/run starts it, or something is built
# Then that is said, with the remedy, and nobody waits until the time is up; the unused cache makes room, and no other
. tests/lib/test.sh
[[ $EUID -eq 0 ]] || unmet "not root"

mkdir "$T_DIR/kernel" "$T_DIR/kernel/modules" "$T_DIR/images"
: >"$T_DIR/kernel/vmlinux"
cat >"$T_DIR/qemu" <<'END'
#!/bin/bash
while (($#)); do
	case $1 in
	pipe,id=monitor,*) monitor=${1#*path=} ;;
	-serial) echo "a guest" >"${2#file:}" ;;
	esac
	shift
done
read -r hello <"$monitor.in"
[[ $hello == *qmp_capabilities* ]] || exit 1
echo '{"event": "RESUME"}' >"$monitor.out"
echo '{"event": "BLOCK_IO_ERROR", "data": {"device": "disk1", "nospace": true, "action": "stop"}}' >"$monitor.out"
exec sleep 300
END
chmod +x "$T_DIR/qemu"

# refused DIRECTORY WORDS: a guest with its disks there
refused() {
	local status=0
	TMPDIR=$1 QEMU=$T_DIR/qemu tools/vm/run --kernel-dir "$T_DIR/kernel" --console "$T_DIR/console.log" true 2>"$T_DIR/said" || status=$?
	cat "$T_DIR/said" >&2
	equal "exit status of tools/vm/run" 125 "$status"
	grep -q "$2.*TMPDIR" "$T_DIR/said" || fail "the full disk is not named"
	equal "what is left in $1" "" "$(ls "$1")"
}
refused "$T_DIR/images" "no space left in $T_DIR/images"
mkdir "$T_DIR/small"
cleanup umount "$T_DIR/small"
mount -t tmpfs -o size=100M small "$T_DIR/small"
refused "$T_DIR/small" "$T_DIR/small has less than 1 GiB left"

# checkout NAME AGE
checkout() {
	mkdir -p "$DM_INTERPOSE_CACHE/clones/$1/kernels/debug" "$T_DIR/$1"
	: >"$DM_INTERPOSE_CACHE/clones/$1/kernels/debug/vmlinux"
	echo "$T_DIR/$1" >"$DM_INTERPOSE_CACHE/clones/$1/checkout"
	touch -d "$2" "$DM_INTERPOSE_CACHE/clones/$1/checkout"
}
export DM_INTERPOSE_CACHE=$T_DIR/small/cache
checkout used "9 hours ago"
checkout recent "1 hour ago"
checkout unused "8 hours ago"
exec {guest}<"$DM_INTERPOSE_CACHE/clones/used/kernels/debug/vmlinux"
flock -s "$guest"
bash -c '. tools/lib.sh; prune_clones' tools/lib.sh
exec {guest}<&-
equal "caches that are left" "recent used" "$(cd "$DM_INTERPOSE_CACHE/clones" && echo *)"
test_done
