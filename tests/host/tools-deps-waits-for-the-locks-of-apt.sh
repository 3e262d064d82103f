#!/bin/bash
# Given another program that holds the lock of apt's lists, of its archives, or for ever; or a package that does not exist
# When tools/deps installs what is missing
# Then it waits and installs it; gives up after the time that it was given; and does not wait where nobody holds a lock
. tests/lib/test.sh
[[ $EUID -eq 0 ]] || unmet "not root"

# apt-get and dpkg-query as they behave then, a line for each call of the former
export CALLS=$T_DIR/calls
mkdir "$T_DIR/bin"
printf '#!/bin/sh\n' >"$T_DIR/bin/dpkg-query"
cat >"$T_DIR/bin/apt-get" <<'END'
#!/bin/sh
echo "$*" >>"$CALLS"
case "$*" in
*" $FAIL_AT"*)
	if [ "$(grep -c " $FAIL_AT" "$CALLS")" -le "$FAIL_TIMES" ]; then
		echo "$FAIL_SAYS" >&2
		exit 100
	fi ;;
esac
END
chmod +x "$T_DIR/bin/apt-get" "$T_DIR/bin/dpkg-query"

# deps WANTED-STATUS COMMAND-THAT-FAILS HOW-OFTEN WHAT-IT-SAYS
deps() {
	local status=0
	: >"$CALLS"
	FAIL_AT=$2 FAIL_TIMES=$3 FAIL_SAYS=$4 PATH=$T_DIR/bin:$PATH DM_INTERPOSE_CACHE=$T_DIR/cache tools/deps \
		>"$T_DIR/said" 2>&1 || status=$?
	note "$(grep -v 'installing' "$T_DIR/said" || true)"
	equal "status" "$1" "$status"
	mapfile -t calls <"$CALLS"
}

held='E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (apt-get)'
deps 0 none 0 none
equal "calls with nobody else" 2 "${#calls[@]}"
[[ ${calls[0]} == *DPkg::Lock::Timeout=600*update && ${calls[1]} == *DPkg::Lock::Timeout=600*install* ]] ||
	fail "the lock of dpkg is not waited for: ${calls[*]}"
deps 0 update 2 "$held"
equal "calls with the lists locked twice" 4 "${#calls[@]}"
grep -q "waiting for another program" "$T_DIR/said" || fail "it does not say that it waits"
deps 0 -y 1 "${held//lists/archives}"
equal "calls with the archives locked once" 3 "${#calls[@]}"
deps 100 -y 9 "E: Unable to locate package fio"
equal "calls with a package that does not exist" 2 "${#calls[@]}"
grep -q "Unable to locate package fio" "$T_DIR/said" || fail "the error is not said"
export DM_INTERPOSE_APT_WAIT=1
deps 100 update 999 "$held"
grep -q "held by process 1" "$T_DIR/said" || fail "it does not say who holds the lock"
test_done
