#!/bin/bash
# timeout: 60
# Given an interposed loop device that grows
# When its interposer is suspended and resumed, and then gets a table of the new size
# Then both work; with the new table the disk beneath has the new size, and data written to the new end arrive there
. tests/lib/test.sh

dev=$(loop_create 64M)
files=("$T_DIR"/loop.*)
interpose x "$dev"
truncate -s 96M "${files[0]}"
losetup -c "$dev"
dmsetup suspend "$P-x"
dmsetup resume "$P-x"
equal "state" attached "$(interposer_state x)"
dm_reload x "0 196608 interpose $dev linear $dev 0"
beneath=$(interposer_beneath x)
equal "size beneath" 196608 "$(sectors "$beneath")"
echo "at the new end" | dd of="$dev" bs=4k seek=24575 conv=sync,notrunc oflag=direct iflag=fullblock status=none
read -r said < <(dd if="$beneath" bs=4k skip=24575 count=1 iflag=direct status=none | tr -d '\0')
equal "data at the new end" "at the new end" "$said"
dmsetup remove "$P-x"
test_done
