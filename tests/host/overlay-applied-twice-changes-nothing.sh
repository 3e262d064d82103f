#!/bin/bash
# Given a pristine kernel tree
# When the overlay is put onto it twice
# Then the second time writes nothing
. tests/lib/test.sh
. tests/lib/tree.sh

pristine_tree "$T_DIR/tree"
tree_state "$T_DIR/tree" >"$T_DIR/pristine"
tools/overlay "$T_DIR/tree"
tree_state "$T_DIR/tree" >"$T_DIR/once"
not cmp -s "$T_DIR/pristine" "$T_DIR/once"
for file in $(overlay_files | cut -f1); do
	[[ -f $T_DIR/tree/$file ]] || fail "$file is not in the tree"
done
tools/overlay "$T_DIR/tree"
tree_state "$T_DIR/tree" >"$T_DIR/twice"
diff "$T_DIR/once" "$T_DIR/twice"
test_done
