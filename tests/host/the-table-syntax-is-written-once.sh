#!/bin/bash
# Given all files of the repository
# When the table line's syntax is looked for
# Then it stands in one place, in the administrator's document
. tests/lib/test.sh

git grep --untracked -lE 'interpose +<dev' -- ':!tests/host' >"$T_DIR/places" || true
equal "places" "Documentation/admin-guide/device-mapper/dm-interpose.rst" "$(paste -sd' ' "$T_DIR/places")"
test_done
