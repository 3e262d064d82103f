# shellcheck shell=bash
# Inner targets of which what is written is read back, as many as there are, over any device. Source it after test.sh.

INNER_ALL=(linear delay flakey dust log-writes era snapshot-origin snapshot mirror raid1 raid5 raid6 integrity-J integrity-D
	integrity-B ebs cache writecache striped crypt clone thin switch)

# inner_arguments NAME DEV: wipes what the inner target needs besides DEV, on /dev/vdb and its like, and sets
# inner to its type and arguments
inner_arguments() {
	local dev=$2 b c leg=() meta=() i
	inner_made=()
	b=$(scratch b)
	case $1 in
	linear | ebs | delay | dust | flakey | crypt) ;;
	*) c=$(scratch c) ;;
	esac
	if [[ $1 == raid* ]]; then
		for i in 1 2 3 4; do
			meta[i]=$(linear_create "meta$i" "$b" $((1048576 + i * 16384)) 16384)
			inner_made+=("meta$i")
		done
		for i in 2 3 4; do
			leg[i]=$(linear_create "leg$i" "$c" $((i * 262144)) 262144)
			inner_made+=("leg$i")
		done
	fi
	case $1 in
	linear) inner="linear $dev 0" ;;
	linear-elsewhere) inner="linear $b 0" ;;
	delay) inner="delay $dev 0 1" ;;
	flakey) inner="flakey $dev 0 3600 0" ;;
	dust) inner="dust $dev 0 512" ;;
	log-writes) inner="log-writes $dev $b" ;;
	era) inner="era $b $dev 64" ;;
	snapshot-origin) inner=snapshot-origin ;;
	snapshot) inner="snapshot $dev $b P 8" ;;
	mirror) inner="mirror core 2 128 nosync 2 $dev 0 $b 0" ;;
	raid1) inner="raid raid1 3 128 region_size 128 2 ${meta[1]} $dev ${meta[2]} ${leg[2]}" ;;
	raid5) inner="raid raid5_ls 3 128 region_size 128 3 ${meta[1]} $dev ${meta[2]} ${leg[2]} ${meta[3]} ${leg[3]}" ;;
	raid6) inner="raid raid6_zr 3 128 region_size 128 4 ${meta[1]} $dev ${meta[2]} ${leg[2]} ${meta[3]} ${leg[3]} ${meta[4]} ${leg[4]}" ;;
	integrity-?) inner="integrity $dev 0 - ${1#*-} 3 internal_hash:crc32c meta_device:$b recalculate" ;;
	ebs) inner="ebs $dev 0 1 8" ;;
	cache) inner="cache $b $c $dev 128 1 writethrough smq 0" ;;
	writecache) inner="writecache s $dev $b 512 0" ;;
	striped) inner="striped 2 128 $dev 0 $b 0" ;;
	crypt) inner="crypt aes-xts-plain64 $(printf '%064d' 1) 0 $dev 0" ;;
	clone) inner="clone $b $c $dev 256" ;;
	thin)
		dm_create pool "0 262144 thin-pool $b $c 128 0" >/dev/null
		dmsetup message "$P-pool" 0 "create_thin 0"
		inner_made+=(pool)
		inner="thin /dev/mapper/$P-pool 0 $dev"
		;;
	switch) inner="switch 2 128 0 $dev 0 $b 0" ;;
	*) fail "there is no inner target $1" ;;
	esac
	requires_target "${inner%% *}"
}

# inner_done: after the interposer was removed
inner_done() {
	local name
	for name in "${inner_made[@]}"; do
		dmsetup remove "$P-$name"
	done
}
