#!/bin/bash
# tier: full
# Given a disk without a file system, attached with the inner target era by interposectl
# When a mark is made and two places are written
# Then "changed" lists these, as byte ranges, JSON and text, since the mark, and with all else since the first era
. tests/lib/test.sh
. tests/lib/interposectl.sh
requires_target era
requires era_invalidate

write_at() {
	dd if=/dev/urandom of="$dev" bs=64k seek="$1" count="$2" oflag=direct conv=notrunc status=none
}

dev=$(partition "$(scratch a)" 64)
spare=$(partition "$(scratch b)" 64)
cleanup dm_remove_if_there "$P-x"
interposectl -q attach --name "$P-x" "$dev" era "$spare" "$dev" 128
write_at 100 1
era=$(interposectl changed --mark "$P-x")
write_at 3 2
write_at 1023 1
interposectl_status 0 changed --since "$era" --format ranges "$P-x"
equal "the changes" "196608 131072 67043328 65536" "${said//$'\n'/ }"
interposectl_status 0 changed --format ranges "$dev"
says $'\n6553600 65536\n'
interposectl_status 0 changed --since "$era" --format json "$P-x"
python3 -c 'import json, sys; r = json.load(sys.stdin)["ranges"]; assert r[1]["start"] == 67043328, r' <<<"$said"
interposectl_status 0 changed --since "$era" "$P-x"
says "192 KiB in 2 ranges"
interposectl_status 0 detach "$P-x"
interposectl -q attach --name "$P-x" "$dev"
interposectl_status 1 changed "$P-x"
says "does not track changes"
interposectl_status 0 detach "$P-x"
test_done
