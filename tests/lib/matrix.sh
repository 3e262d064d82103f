# shellcheck shell=bash
# What is special about a target type behind the hook; see tests/matrix/README.md. Source it after test.sh, recipe.sh
# and log_writes.sh.

MIB=64                   # size of the interposed device
declare -A STATUS=(      # the inner target's own status line; "" if it has none
	[linear]='' [delay]='[0-9]+ [0-9]+ [0-9]+' [flakey]='' [striped]='2 [0-9:]+ [0-9:]+ 1 AA' [error]='' [zero]='' [ebs]='' [switch]=''
	[unstriped]='' [crypt]='' [snapshot-origin]=''
	[dust]='[0-9:]+ (bypass|fail_read_on_bad_block) (verbose|quiet)'
	[log-writes]='[0-9]+ [0-9]+'
	[era]='8 [0-9]+/[0-9]+ [0-9]+ (-|[0-9]+)'
	[mirror]='2 [0-9:]+ [0-9:]+ 1024/1024 1 AA 1 core'
	[raid:raid1]='raid1 2 AA 131072/131072 idle 0 0 -'
	[raid:raid10]='raid10 2 AA 131072/131072 idle 0 0 -'
	[raid:raid0]='raid0 2 AA 65536/65536 idle 0 0 -'
	[raid:raid4]='raid4 3 AAA 65536/65536 idle 0 0 -'
	[raid:raid5]='raid5_ls 3 AAA 65536/65536 idle 0 0 -'
	[raid:raid6]='raid6_zr 4 AAAA 65536/65536 idle 0 0 -'
	[integrity]='1 ([0-9]+) \1'
	[cache]='8 [0-9]+/[0-9]+ 128 [0-9]+/[0-9]+ [0-9]+ [0-9]+ [0-9]+ [0-9]+ [0-9]+ [0-9]+ 0 .*writethrough.* smq .* rw -'
	[writecache]='0 [0-9]+ [0-9]+ 0 .*'
	[clone]='8 [0-9]+/[0-9]+ 256 [0-9]+/512 [0-9]+ .* rw'
	[thin-pool]='0 [0-9]+/[0-9]+ 0/1024 - rw discard_passdown queue_if_no_space - [0-9]+'
	[thin]='[0-9]+ [0-9]+'
	[snapshot]='[0-9]+/[0-9]+ [0-9]+'
)

# --- what must be there before

prepare_thin() {
	dm_create pool "0 524288 thin-pool $B $C 128 0" >/dev/null
	dmsetup message "$P-pool" 0 "create_thin 0"
	POOL=/dev/mapper/$P-pool
}

# raid_prepare: M1 to M4 for what it notes about its legs, without which md waits for ever when one has failed, and B and
# C as legs that can be made to fail
raid_prepare() {
	local i
	for i in 1 2 3 4; do
		declare -g "M$i=$(linear_create "m$i" "$D" $((1048576 + i * 16384)) 16384)"
	done
	B=$(linear_create leg "$B")
	C=$(linear_create leg2 "$C")
}

prepare_raid_raid1() { raid_prepare; }
prepare_raid_raid10() { raid_prepare; }
prepare_raid_raid4() { raid_prepare; }
prepare_raid_raid5() { raid_prepare; }
prepare_raid_raid6() { raid_prepare; }

# --- that it does what it is for

# written DISK: it has been written to, since it was wiped before the attach
written() {
	(($(io_stat "$1" write_sectors) > "${written_before[$1]:-0}"))
}

went_to() {
	local disk
	for disk; do
		written "$disk" || fail "nothing was written to $disk"
	done
}

shows_striped() { went_to "$B"; }

# the first region, which is on the device itself, goes the other way for a moment
shows_switch() {
	local before
	went_to "$B"
	before=$(io_stat "$DEV_DISK" write_sectors)
	dmsetup message "$P-x" 0 set_region_mappings 0:1
	dd if=/dev/zero of="$DEV" bs=4k count=1 oflag=direct conv=notrunc status=none
	dmsetup message "$P-x" 0 set_region_mappings 0:0
	equal "sectors written to the first path" "$before" "$(io_stat "$DEV_DISK" write_sectors)"
}

shows_unstriped() { went_to "$B"; }
shows_raid_raid0() { went_to "$B"; }
shows_raid_raid4() { went_to "$B" "$C"; }
shows_raid_raid5() { went_to "$B" "$C"; }
shows_raid_raid6() { went_to "$B" "$C" "$D"; }

# in_sync: a mirror of any kind
in_sync() {
	wait_until "it is in sync" 100 has_status "${STATUS[$CELL]}"
}

# second_leg: the same data as beneath, when nobody writes
second_leg() {
	in_sync
	fio_verify_stop load
	equal "the second leg" "$(device_sum "$(interposer_beneath x)")" "$(device_sum "$B" "$MIB")"
}

shows_mirror() { second_leg; }
shows_raid_raid1() { second_leg; }
shows_raid_raid10() { second_leg; }

shows_dust() {
	local bad=$((SIZE - 8))
	fio_verify_stop load
	dmsetup message "$P-x" 0 addbadblock "$bad"
	dmsetup message "$P-x" 0 enable
	expects_dmesg 'I/O error' 'Buffer I/O error'
	expect_error "Input/output error" EIO -- dd if="$DEV" of=/dev/null bs=512 skip="$bad" count=1 iflag=direct
	dd if=/dev/zero of="$DEV" bs=512 seek="$bad" count=1 oflag=direct conv=notrunc status=none # heals it
	dd if="$DEV" of=/dev/null bs=512 skip="$bad" count=1 iflag=direct status=none
}

# One more time from the beginning, when nobody writes: what is replayed up to a mark is what the device held then
shows_log_writes() {
	local at_first half end
	fio_verify_stop load
	dmsetup remove "$P-x"
	dd if="$DEV" of="$C" bs=1M iflag=direct oflag=direct status=none
	at_first=$(device_sum "$DEV")
	attach "$TYPE" "$INNER"
	fio_verify_start first "$DEV"
	fio_verify_stop first
	log_mark x "$DEV" half
	half=$(device_sum "$DEV")
	fio_verify_start second "$DEV"
	fio_verify_stop second
	log_mark x "$DEV" end
	end=$(device_sum "$DEV")
	[[ $at_first != "$half" && $half != "$end" ]] || fail "nothing was written: the test is broken"
	log_replay "$B" "$C" 0 "$(log_entry "$B" half)"
	equal "replayed up to the first mark" "$half" "$(device_sum "$C" "$MIB")"
	log_replay "$B" "$C" "$(log_entry "$B" half)" "$(log_entry "$B" end)"
	equal "replayed up to the second mark" "$end" "$(device_sum "$C" "$MIB")"
}

era_now() {
	local fields
	read -ra fields <<<"$(interposer_inner_status x)"
	echo "${fields[2]}"
}

# write_sectors FIRST N
write_sectors() {
	dd if=/dev/urandom of="$DEV" bs=512 seek="$1" count="$2" oflag=direct conv=notrunc status=none
}

# Of the 2048 blocks of 64 sectors those that are written in the era are in its list, and no other
shows_era() {
	local era
	fio_verify_stop load
	era=$(era_now)
	write_sectors $((200 * 64)) 64
	dmsetup message "$P-x" 0 checkpoint
	equal "the era" $((era + 1)) "$(era_now)"
	write_sectors $((3 * 64 + 63)) 1
	write_sectors $((100 * 64)) $((3 * 64 + 1))
	write_sectors $((SIZE - 1)) 1
	dmsetup message "$P-x" 0 take_metadata_snap
	era_invalidate --metadata-snapshot --written-since $((era + 1)) "$B" >"$T_DIR/era.xml"
	dmsetup message "$P-x" 0 drop_metadata_snap
	equal "blocks in the list" "3 100 101 102 103 2047" "$(changed_blocks "$T_DIR/era.xml" 0 2047 | paste -sd' ')"
}

recalculated() {
	has_status '[0-9]+ ([0-9]+) \1'
}

# read_sectors FIRST N
read_sectors() {
	dd if="$DEV" of=/dev/null bs=512 skip="$1" count="$2" iflag=direct status=none
}

# A sector that has changed beneath cannot be read, all others can, and it can be written again
shows_integrity() {
	local bad=70000
	fio_verify_stop load
	wait_until "all checksums have been made" 100 recalculated
	dmsetup suspend "$P-x" # what is in its journal goes to its place
	write_beneath x if=/dev/urandom bs=512 seek="$bad" count=1
	dmsetup resume "$P-x"
	equal "blocks that do not match" 0 "$(interposer_inner_status x | cut -d' ' -f1)"
	expect_error "Checksum failed at sector 0x$(printf %x "$bad")" EILSEQ -- read_sectors "$bad" 1
	dd if="$DEV" of=/dev/null bs=1M iflag=direct,count_bytes count=$((bad * 512)) status=none
	dd if="$DEV" of=/dev/null bs=1M iflag=direct,skip_bytes skip=$(((bad + 1) * 512)) status=none
	equal "blocks that do not match" 1 "$(interposer_inner_status x | cut -d' ' -f1)"
	write_sectors "$bad" 1
	read_sectors "$bad" 1
}

shows_cache() {
	local hits fields
	fio_verify_stop load
	for _ in {1..12}; do
		dd if="$DEV" of=/dev/null bs=64k count=16 iflag=direct status=none
	done
	read -ra fields <<<"$(interposer_inner_status x)"
	hits=$((fields[4] + fields[6]))
	((hits > 0)) || fail "no hit: $(interposer_inner_status x)"
}

shows_writecache() {
	went_to "$B"
	dmsetup message "$P-x" 0 flush
	has_status '0 ([0-9]+) \1 0 .*' || fail "after a flush it is not empty: $(interposer_inner_status x)"
}

shows_crypt() {
	local plain=$T_DIR/plain
	dd if=/dev/zero bs=64k count=1 status=none | tr '\0' 'p' >"$plain"
	dd if="$plain" of="$DEV" bs=64k oflag=direct conv=notrunc status=none
	cmp "$plain" <(dd if="$DEV" bs=64k count=1 iflag=direct status=none)
	! dd if="$(interposer_beneath x)" bs=64k count=1 iflag=direct status=none | grep -aF pppp >"$T_DIR/found" ||
		fail "plaintext is on the disk"
}

hydrated() {
	has_status '8 [0-9]+/[0-9]+ 256 512/512 0 .*'
}

shows_clone() {
	wait_until "all has been copied" 100 hydrated
	equal "the copy" "$(device_sum "$DEV")" "$(device_sum "$C" "$MIB")"
}

shows_thin() {
	[[ $(interposer_inner_status x) != 0\ * ]] || fail "nothing is mapped"
}

shows_snapshot() {
	[[ $(interposer_inner_status x) != 0/* ]] || fail "nothing was copied"
}

# --- what it survives, last of all

# loses "STATUS" LEG…: the device holds the same data without these legs, and can be used
loses() {
	local wanted=$1 leg sum
	shift
	in_sync
	sum=$(device_sum "$DEV")
	for leg in "$@"; do
		dm_reload "$leg" "0 $(sectors "/dev/mapper/$P-$leg") error"
	done
	equal "data when legs have failed" "$sum" "$(device_sum "$DEV")"
	fio_verify_start degraded "$DEV"
	wait_until "it knows that legs have failed" 60 has_status "$wanted"
	wait_redirected x 300
	fio_verify_stop degraded
}

survives_raid_raid1() { loses 'raid1 2 AD .*' leg; }
survives_raid_raid10() { loses 'raid10 2 AD .*' leg; }
survives_raid_raid4() { loses 'raid4 3 ADA .*' leg; }
survives_raid_raid5() { loses 'raid5_ls 3 ADA .*' leg; }
survives_raid_raid6() { loses 'raid6_zr 4 ADDA .*' leg leg2; }

# --- those with a test of their own

own_flakey() {
	fio_verify_start load "$DEV"
	attach linear "$DEV" 0
	fio_verify_stop load
	expects_dmesg 'I/O error' 'Buffer I/O error'
	dm_reload x "0 $SIZE interpose $DEV flakey $INNER"
	expect_error "Input/output error" EIO -- read_direct
	dm_reload x "0 $SIZE interpose $DEV flakey ${INNER/0 3600/3600 0}"
	read_direct
}

read_direct() {
	dd if="$DEV" of=/dev/null bs=64k count=1 iflag=direct status=none
}

own_error() {
	local sum
	random_fill "$DEV"
	sum=$(device_sum "$DEV")
	expects_dmesg 'I/O error' 'Buffer I/O error'
	attach error
	expect_error "Input/output error" EIO -- read_direct
	expect_error "Input/output error" EIO -- dd if=/dev/zero of="$DEV" bs=64k count=1 oflag=direct conv=notrunc
	dmsetup remove "$P-x"
	equal "data afterwards" "$sum" "$(device_sum "$DEV")"
}

own_zero() {
	local sum
	random_fill "$DEV"
	sum=$(device_sum "$DEV")
	attach zero
	dd if=/dev/urandom of="$DEV" bs=64k count=1 oflag=direct conv=notrunc status=none
	equal "data through it" "$(head -c "${MIB}M" /dev/zero | sha256sum | cut -d' ' -f1)" "$(device_sum "$DEV")"
	dmsetup remove "$P-x"
	equal "data afterwards" "$sum" "$(device_sum "$DEV")"
}

# A device that is only read: a block that has changed beneath its hashes gives an error
own_verity() {
	local root salt=00 hashes
	requires veritysetup
	random_fill "$DEV"
	hashes=$(veritysetup format "$DEV" "$B" --salt="$salt" --no-superblock \
		--data-block-size=512 --hash-block-size=512)
	root=$(sed -n 's/^Root hash:[[:space:]]*//p' <<<"$hashes")
	dmsetup create "$P-x" --readonly --table \
		"0 $SIZE interpose $DEV verity 1 $DEV $B 512 512 $SIZE 0 sha256 $root $salt"
	device_sum "$DEV" >/dev/null
	equal "status of verity" V "$(interposer_inner_status x)"
	write_beneath x if=/dev/urandom bs=4k seek=100 count=1
	expects_dmesg 'I/O error' 'Buffer I/O error'
	expect_error "Input/output error" EIO -- dd if="$DEV" of=/dev/null bs=4k skip=100 count=1 iflag=direct
	equal "status of verity" C "$(interposer_inner_status x)"
}

merged() {
	local shared fields
	read -ra fields <<<"$(interposer_inner_status x)"
	shared=${fields[0]%%/*}
	[[ $shared == "${fields[1]}" ]]
}

# What a snapshot holds goes back into the device, while that is in use
own_snapshot_merge() {
	local sum
	attach snapshot "$INNER"
	random_fill "$DEV" 8
	sum=$(device_sum "$DEV")
	dmsetup remove "$P-x"
	attach snapshot-merge "$INNER"
	wait_until "all has been merged" 100 merged
	equal "data while merged" "$sum" "$(device_sum "$DEV")"
	dmsetup remove "$P-x"
	equal "data afterwards" "$sum" "$(device_sum "$DEV")"
}

# --- the cells

# reading: from the device, as long as the test lasts, whatever it shows; it must not fail
reading() {
	trap - ERR
	until [[ -e $T_DIR/enough ]]; do
		read_direct || echo "a read failed" >>"$T_DIR/read-errors"
	done
}

# attach TYPE ARGUMENTS…
attach() {
	dmsetup create "$P-x" --table "0 $SIZE interpose $DEV $*"
	equal "state" attached "$(interposer_state x)"
}

# there FUNCTION: of this cell, if it has one
there() {
	declare -F "$1_${CELL//[:-]/_}" >/dev/null || return 0
	"$1_${CELL//[:-]/_}"
}

looks_right() {
	local wanted=${STATUS[$CELL]-none}
	[[ $wanted != none ]] || fail "there is no pattern for the status of $CELL"
	has_status "$wanted" || fail "status of $TYPE: '$(interposer_inner_status x)', wanted '$wanted'"
}

view_same() {
	fio_verify_start load "$DEV"
	wait_io "$DEV"
	attach "$TYPE" "$INNER"
	wait_redirected x
	dmsetup suspend "$P-x"
	dmsetup resume "$P-x"
	wait_redirected x
	there shows
	looks_right
	if ! fio_gone load; then
		dmsetup remove "$P-x"
		fio_verify_stop load
	else
		there survives
		fio_verify_start again "$DEV"
		wait_redirected x
		dmsetup remove "$P-x"
		fio_verify_stop again
	fi
}

view_other() {
	local sum
	: >"$T_DIR/read-errors"
	cleanup touch "$T_DIR/enough"
	reading &
	reader=$!
	attach "$TYPE" "$INNER"
	fio_verify_start load "$DEV"
	fio_seen_at load "/dev/mapper/$P-x" # it may all go elsewhere
	wait_redirected x 300
	dmsetup suspend "$P-x"
	dmsetup resume "$P-x"
	fio_verify_stop load
	there shows
	wait_until "its status is right" 100 has_status "${STATUS[$CELL]-none}"
	sum=$(device_sum "$DEV")
	dmsetup remove "$P-x"
	read_direct
	attach "$TYPE" "$INNER"
	equal "data when it is interposed again" "$sum" "$(device_sum "$DEV")"
	there survives
	dmsetup remove "$P-x"
	: >"$T_DIR/enough"
	wait "$reader"
	equal "reads that failed" "" "$(<"$T_DIR/read-errors")"
}

view_refused() {
	expect_error "$INNER" -- dmsetup create "$P-x" --table "0 $SIZE interpose $DEV $TYPE $DEV"
}

# cell_prepare CELL: sets CELL, TYPE, VIEW, DEV and INNER for this line
cell_prepare() {
	local cell view arguments name
	while read -r cell view arguments; do
		[[ $cell != "$1" ]] || break
	done <tests/matrix/targets
	[[ ${cell:-} == "$1" ]] || fail "there is no cell $1"
	CELL=$cell TYPE=${cell%%:*} VIEW=$view
	DEV_DISK=$(scratch a)
	DEV=$(partition "$DEV_DISK" $MIB)
	SIZE=$(sectors "$DEV")
	B=$(scratch b) C=$(scratch c) D=$(scratch d)
	declare -gA written_before=()
	local disk
	for disk in "$DEV_DISK" "$B" "$C" "$D"; do
		written_before[$disk]=$(io_stat "$disk" write_sectors)
	done
	there prepare
	cleanup dm_remove_if_there "$P-x"
	INNER=" $arguments "
	for name in DEV B C D M1 M2 M3 M4; do
		INNER=${INNER// $name / ${!name:-} }
	done
	INNER=${INNER// POOL / ${POOL:-} }
	INNER=${INNER/:B /:$B } INNER=${INNER# } INNER=${INNER% }
}

# matrix_cell CELL: the test of this line
matrix_cell() {
	cell_prepare "$1"
	case $VIEW in
	same | other | refused) "view_$VIEW" ;;
	own) "own_${CELL//[:-]/_}" ;;
	*) fail "$1: no such view: $VIEW" ;;
	esac
}

# unaligned_cell CELL: the load of the storm in the place of fio: direct I/O from memory that is aligned to four bytes, in
# each way there is. Where the view is the same, bios that were admitted before are on their way during the attach.
unaligned_cell() {
	cell_prepare "$1"
	if [[ $VIEW == same ]]; then
		storm_load_start load "$DEV"
		wait_io "$DEV"
		attach "$TYPE" "$INNER"
	else
		attach "$TYPE" "$INNER"
		storm_load_start load "$DEV"
	fi
	storm_load_redirects load x 200
	dmsetup suspend "$P-x"
	dmsetup resume "$P-x"
	storm_load_redirects load x 100
	[[ $VIEW != other ]] || storm_load_stop load
	dmsetup remove "$P-x"
	[[ $VIEW != same ]] || {
		wait_io "$DEV"
		storm_load_stop load
	}
}
