#!/bin/bash
# Given the sections of the administrator's document that have commands
# When they are compared with those that the tests in tests/shell/recipe run
# Then they are the same
. tests/lib/test.sh
. tests/lib/recipe.sh

recipe_sections | sort >"$T_DIR/documented"
sed -n 's/^[[:space:]]*recipe_run "\([^"]*\)".*/\1/p' tests/shell/recipe/*.sh | sort -u >"$T_DIR/tested"
[[ -s $T_DIR/documented ]] || fail "no commands found in $RECIPES: the test is broken"
diff "$T_DIR/documented" "$T_DIR/tested" || fail "sections of the document (<) and of the tests (>) differ"
test_done
