#!/bin/bash
# kernel: stock-6.12
# disks: virtio-blk (one guest for all that run on this kernel)
# timeout: 120
# Given Debian's kernel as it is, where a BPF program is called at a function at which the hook is to be
# When a table is loaded
# Then that is refused with EBUSY, the message names the function, and nothing is left of it
# When a device is interposed first
# Then the BPF program is refused, and the interposer works on; when the hook is out again, it is not
. tests/lib/test.sh

fentry=$(program fentry)
dev=$(partition "$(scratch a)" 64)
table="0 $(sectors "$dev") interpose $dev linear $dev 0"

place=bio_split_discard # one of several that share a trampoline
error=EBUSY # what the kernel says to a second one
[[ $(uname -r) != 7.* ]] || place=__bio_queue_enter error=EINVAL

# unhooked: a program can be there
unhooked() {
	"$fentry" "$place" true
}

modprobe dm-interpose
wait_until "the hook is out, as it was only tried" 60 unhooked
expect_error "$place" EBUSY -- "$fentry" "$place" dmsetup create "$P-x" --table "$table"
expect_error "(a BPF program or another module has it" -- "$fentry" "$place" dmsetup create "$P-x" --table "$table"
equal "mapped devices" "" "$(dmsetup ls | grep "^$P-x" || true)"
interpose x "$dev" >"$T_DIR/node"
expect_error "no program can be put at $place()" "$error" -- "$fentry" "$place" true
dd if="$dev" of=/dev/null bs=4k count=1 iflag=direct status=none
equal "redirected" 1 "$(interposer_redirected x)"
dmsetup remove "$P-x"
wait_until "the hook is out" 60 unhooked
test_done
