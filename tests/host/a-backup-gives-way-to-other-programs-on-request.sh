#!/bin/bash
# Given a device that is backed up, slowly, to an image or to standard output
# When that is done with --idle and without
# Then with it the threads that read have idle I/O priority, and the hooks at the instant, which all others wait for, do not
. tests/lib/test.sh
. tests/lib/backup.sh
requires qemu-img qemu-nbd ionice

# begin COMMAND…: sets pid
begin() {
	rm -f "$T_DIR/hook"
	"$@" --limit 1M --hooks "$T_DIR/none" --exec-after "ionice >$T_DIR/hook" >"$T_DIR/out" 2>&1 &
	pid=$!
}

# end: it is in the middle
end() {
	kill -TERM "$pid"
	wait "$pid" || true
	equal "the class of the hook, to $to" none "$(cut -d : -f 1 "$T_DIR/hook")"
}

classes() {
	local task
	for task in /proc/"$pid"/task/*; do ionice -p "${task##*/}" | cut -d : -f 1; done 2>/dev/null | sort -u | xargs
}

one_is_idle() {
	[[ " $(classes) " == *" idle "* ]]
}

# has_read MIB: of anything
has_read() {
	(($(sed -n 's/^rchar: //p' "/proc/$pid/io") > $1 << 20))
}

backup_setup
for to in "$STORE" -; do
	common=("$BACKUP" backup --ram --to "$to")
	[[ $to == - ]] || common+=(--name x --progress none)
	begin "${common[@]}" "$SOURCE"
	wait_until "it has read 4 MiB" 60 has_read 4
	equal "classes without --idle, to $to" none "$(classes)"
	end
	begin "${common[@]}" --idle "$SOURCE"
	wait_until "a thread has idle priority" 60 one_is_idle
	end
done
test_done
