#!/bin/bash
# timeout: 60
# Given interposers with flakey, and tables with it that are refused
# When they come and go
# Then flakey's module is held as long as an interposer uses it, and not longer
. tests/lib/test.sh
requires_target flakey

dev=$(partition "$(scratch a)" 64)
size=$(sectors "$dev")
references=/sys/module/dm_flakey/refcnt
equal "references before" 0 "$(<"$references")"
interpose x "$dev" flakey "$dev" 0 60 0
equal "references of an interposer" 1 "$(<"$references")"
expect_error "refuses its arguments" EINVAL -- dmsetup load "$P-x" <<<"0 $size interpose $dev flakey $dev"
equal "references after a refused table" 1 "$(<"$references")"
expect_error "Module dm_flakey is in use" -- rmmod dm_flakey
dm_reload x "0 $size interpose $dev linear $dev 0"
equal "references after a reload to linear" 0 "$(<"$references")"
rmmod dm_flakey
interpose y "$(disk b)" flakey "$(disk b)" 0 60 0
dmsetup remove "$P-y"
equal "references after the removal" 0 "$(<"$references")"
test_done
