#!/bin/bash
# tier: full
# timeout: 900
# kernel: debug
# Given a system with systemd, and an interposetab with a mounted disk, a pinned one, and one that is not for the boot
# When systemctl stops, starts and restarts their interposers while the file system is written to
# Then the mount stays and no write fails; what is pinned is not stopped, what is not for the boot is attached when it
#   is asked for, and what was detached by hand can be stopped and started
. tests/lib/test.sh
. tests/lib/system.sh

system_made
uuid=$(data_disk b)
echo "UUID=$uuid /srv ext4 defaults 0 2" >>"$TREE/etc/fstab"
cat >"$TREE/etc/interposetab" <<END
data    UUID=$uuid  -       linear %d 0
pinned  /dev/vdc    pin     linear %d 0
by-hand /dev/vdd    noauto  delay %d 0 1
END
job <<'END'
interposed() { echo "$1" $(interposectl list -n -o NAME | sort); }
write() { dd if=/dev/urandom of=/srv/$1 bs=64k count=4 conv=fsync status=none || echo "failed: $1"; }
seen() { # writes are
	local before=$(interposectl list -n -o NAME,REDIRECTED | sed -n 's/^data *//p')
	write seen
	echo "$1" $(($(interposectl list -n -o NAME,REDIRECTED | sed -n 's/^data *//p') > before))
}
while [[ ! -e /run/enough ]]; do write load; done &
load=$!
interposed boot
seen at-boot
systemctl stop interpose@data
interposed stopped
mountpoint -q /srv && echo mounted yes
systemctl start interpose@data
interposed started
systemctl start interpose@data
interposectl start data >/run/said && echo again $(</run/said)
systemctl start interpose@by-hand
interposed by-hand
systemctl restart interpose@data
systemctl stop interpose@pinned 2>/dev/null || echo pinned refused
interposed refused
interposectl -q detach data
interposed detached
systemctl stop interpose@data && echo stop $?
systemctl start interpose@data
systemctl stop interpose@by-hand
interposed end
seen at-end
interposectl start nothing 2>/run/said || echo nothing $? $(</run/said)
>/run/enough
wait $load
echo state $(systemctl --failed --no-legend | wc -l)
poweroff
END
system_installed
system_boots
[[ $said != *failed:* ]] || fail "a write has failed"
equal "attached at boot" "data pinned" "$(said_line boot)"
equal "with data stopped" "pinned" "$(said_line stopped)"
equal "still mounted" yes "$(said_line mounted)"
equal "started again" "data pinned" "$(said_line started)"
equal "what a second start says" "/dev/vdb is already interposed by data" "$(said_line again)"
equal "with the one by hand" "by-hand data pinned" "$(said_line by-hand)"
equal "to stop what is pinned" refused "$(said_line pinned)"
equal "after that" "by-hand data pinned" "$(said_line refused)"
equal "detached by hand" "by-hand pinned" "$(said_line detached)"
equal "to stop what was detached" 0 "$(said_line stop)"
equal "at the end" "data pinned" "$(said_line end)"
equal "writes seen" "1 1" "$(said_line at-boot) $(said_line at-end)"
equal "to start what is not there" \
	"1 interposectl: /etc/interposetab has no valid line with the name nothing; add one" \
	"$(said_line nothing)"
equal "failed units" 0 "$(said_line state)"
disk_clean a
disk_clean b
test_done
