#!/bin/bash
# timeout: 60
# Given an interposed disk
# When a user without privileges creates an interposer, removes this one, asks for its status, or reads the disk
#   beneath it; and when somebody without CAP_SYS_ADMIN, root or not, sends each of device-mapper's commands through a
#   control node that was opened with all privileges
# Then each is denied, and nothing has changed
. tests/lib/test.sh
. tests/lib/refusals.sh
requires setpriv
unprivileged=$(program unprivileged)

dev=$(scratch a)
interpose x "$dev"
beneath=$(interposer_beneath x)
refusals_begin
denied() {
	expect_error "Permission denied" EACCES -- setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}
denied dmsetup create "$P-refused" --table "0 2048 interpose $(disk b) linear $(disk b) 0"
denied dmsetup remove "$P-x"
denied dmsetup status "$P-x"
denied dmsetup message "$P-x" 0 interpose pin
denied dd if="$beneath" of=/dev/null count=1
denied dd if=/dev/zero of="$beneath" count=1 conv=nocreat
table=$(dmsetup table "$P-x")
"$unprivileged" "$P-x" "$(disk b)"
equal "table" "$table" "$(dmsetup table "$P-x")"
undisturbed "$dev"
equal "state" attached "$(interposer_state x)"
test_done
