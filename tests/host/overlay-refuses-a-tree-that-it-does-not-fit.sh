#!/bin/bash
# Given something that is no kernel tree, one of another version, one whose code differs where a patch edits it, and
#   one in which a file of somebody else stands where ours would go
# When the overlay is put onto it
# Then it says which file is in the way, and changes nothing
. tests/lib/test.sh
. tests/lib/tree.sh

refused() {
	local text=$1
	tree_state "$T_DIR/tree" >"$T_DIR/before"
	expect_error "$text" -- tools/overlay "$T_DIR/tree"
	tree_state "$T_DIR/tree" >"$T_DIR/after"
	diff "$T_DIR/before" "$T_DIR/after"
}

mkdir "$T_DIR/tree"
refused 'not a Linux source tree'

pristine_tree "$T_DIR/tree"
sed -i 's/^PATCHLEVEL = .*/PATCHLEVEL = 1/' "$T_DIR/tree/Makefile"
refused '6.1'
cp -a "$PRISTINE/Makefile" "$T_DIR/tree/Makefile"

# every line differs by a blank, so no context can match
victim=$(patched_files | grep '\.c$' | head -n 1)
sed -i 's/$/ /' "$T_DIR/tree/$victim"
refused "$victim"
cp -a "$PRISTINE/$victim" "$T_DIR/tree/$victim"

ours=$(overlay_files | cut -f1 | grep '\.c$' | head -n 1)
echo 'not ours' >"$T_DIR/tree/$ours"
refused "$ours"
test_done
