#!/bin/bash
# timeout: 300
# Given a mounted ext4 and a raw partition under loads that sync after each write
# When the interposers on both are reloaded from linear to flakey, to era and back to linear
# Then I/O goes through each of them, none fails, every block is verified, and e2fsck finds nothing
. tests/lib/test.sh
. tests/lib/sync-load.sh
requires_target interpose flakey era

# reload_both X-INNER Y-INNER
reload_both() {
	dm_reload x "0 $(sectors "$fs") interpose $fs $1"
	dm_reload y "0 $(sectors "$raw") interpose $raw $2"
	equal "inner target" "${1%% *}" "$(interposer_inner_type x)"
	both_go_through
	both_go_on
}

meta_x=$(scratch b)
meta_y=$(scratch c)
sync_loads_start
both_create "linear DEV 0"
both_go_through
both_go_on
reload_both "flakey $fs 0 3600 0" "flakey $raw 0 3600 0"
reload_both "era $meta_x $fs 64" "era $meta_y $raw 64"
reload_both "linear $fs 0" "linear $raw 0"
both_flush
both remove
sync_loads_stop
for meta in "$meta_x" "$meta_y"; do
	[[ $(era_invalidate --written-since 1 "$meta") == *'="'* ]] || fail "era on $meta has counted nothing"
done
test_done
