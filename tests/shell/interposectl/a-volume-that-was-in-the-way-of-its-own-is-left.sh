#!/bin/bash
# tier: full
# timeout: 300
# Given an inactive logical volume with the name and the tag that a snapshot's COW store is to have, from before, or
#   created by somebody else once interposectl has looked
# When interposectl is to create its own
# Then it fails, and the volume is still there; also if it is killed before lvcreate or after it has made a volume, and then
#   "recover" removes that one alone
. tests/lib/test.sh
. tests/lib/interposectl.sh
. tests/lib/in_between.sh
. tests/lib/left.sh
requires_target snapshot
requires lvm

theirs_is_there() {
	equal "the volume" "$P-snap-cow" "$(lvs --noheadings -o lv_name "$P-vg" | tr -d ' ')"
}

interposectl_cleans
lvm_space_begin
dev=$(partition "$(scratch a)" 64)
make=(snapshot --name "$P-snap" --size 8M --vg "$P-vg" "$dev")
lv="lvcreate -qq --yes --addtag interposectl -an -Zn -Wn --name $P-snap-cow --size 8M $P-vg"
$lv
interposectl_status 1 "${make[@]}"
theirs_is_there
says "$P-vg/$P-snap-cow already exists"
for kill in 0 2; do
	lvremove -qq --yes "$P-vg/$P-snap-cow"
	appears "$P-snap" lv "$lv"
	KILL_AT=$kill in_between $((kill ? 137 : 1)) "${make[@]}"
	interposectl_status 0 recover
	theirs_is_there
done
lvremove -qq --yes "$P-vg/$P-snap-cow"

# killed while lvcreate runs, which goes on to its end
mkdir "$T_DIR/bin"
cat >"$T_DIR/bin/lvcreate" <<END
#!/bin/sh
$(command -v lvcreate) "\$@"
kill -KILL \$PPID
END
chmod +x "$T_DIR/bin/lvcreate"
status=0
PATH=$T_DIR/bin:$PATH "$INTERPOSECTL" "${make[@]}" || status=$?
equal "status" 137 "$status"
theirs_is_there
lvrename -qq "$P-vg" "$P-snap-cow" renamed
$lv
interposectl_status 0 recover
theirs_is_there
lvremove -qq --yes "$P-vg/$P-snap-cow"
nothing_is_left
lvm_space_end
test_done
