#!/bin/bash
# timeout: 120
# Given a blk-mq disk, interposed, whose removal is kept waiting after its inner target was suspended for the last time and
#   before the hook lets the disk go
# When blocks are written meanwhile
# Then none is mapped any more: they wait, and reach the disk when the removal goes on; nothing fails
. tests/lib/test.sh
. tests/lib/kill.sh
requires_target interpose
requires_module delay-step
cleanup rmmod delay-step

step=/sys/module/delay_step/parameters/step

go_on_there() {
	[[ ! -e $step ]] || echo >"$step"
}

waits() {
	(($(<"$step")))
}

# write_blocks [exec]: with that, in the place of the shell that runs it
write_blocks() { "${@:-command}" dd if=/dev/urandom of="$dev" bs=4k count=8 seek=64 oflag=direct conv=notrunc status=none; }

dev=$(null_blk_create mq size=64)
for _ in 1 2 3; do
	interpose x "$dev" linear "$dev" 0 >/dev/null
	cleanup go_on_there # before all else
	write_blocks
	echo blk_interposer_detach >"$step"
	begin dmsetup remove "$P-x"
	remover=$pid
	wait_until "the removal is about to detach" 30 waits
	before=$(io_stat "$dev" writes)
	write_blocks exec &
	writer=$!
	wait_until "the writer waits" 30 stands_in "$writer" blkdev_write_iter
	pause 2
	equal "writes that have reached the disk meanwhile" "$before" "$(io_stat "$dev" writes)"
	stands_in "$writer" blkdev_write_iter || fail "the writer does not wait"
	go_on_there
	wait "$remover"
	wait "$writer"
	equal "writes in the end" $((before + 8)) "$(io_stat "$dev" writes)"
done
test_done
