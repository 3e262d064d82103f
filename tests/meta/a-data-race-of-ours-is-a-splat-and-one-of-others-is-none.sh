#!/bin/bash
# Given kernel logs with reports of KCSAN
# When they are searched for splats
# Then a race with one of this project's functions on either side is one, a race elsewhere in the kernel is none, and
#   what follows it in the log is still found
. tests/lib/test.sh
. tests/lib/splats.sh

# found_in LINE…: the splats in a log of these lines
found_in() {
	printf '[    1.0] %s\n' "$@" | find_splats
}

others="BUG: KCSAN: data-race in ext4_mark_iloc_dirty / ext4_do_update_inode"
for ours in "data-race in blk_interposer_open / __bio_interpose" "data-race in generic_make_request / interpose_map [dm_interpose]" \
	"data-race in interpose_status [dm_interpose]"; do
	[[ $(found_in "BUG: KCSAN: $ours") == *"$ours"* ]] || fail "no splat: $ours"
	[[ $(found_in "$others" "BUG: KCSAN: $ours") == *"$ours"* ]] || fail "no splat behind another: $ours"
done
equal "splats in a log with a race of others" "" "$(found_in "$others" "write to 0xffff of 8 bytes by task 1 on cpu 0:")"
[[ $(found_in "$others" "BUG: KASAN: slab-use-after-free in ext4_iget") == *KASAN* ]] || fail "KASAN is not found behind a race"
test_done
