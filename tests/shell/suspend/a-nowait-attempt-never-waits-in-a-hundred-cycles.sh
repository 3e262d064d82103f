#!/bin/bash
# tier: full
# kcsan: yes
# timeout: 900
# Given, When, Then: as in five cycles
set -- 100
. tests/shell/suspend/a-nowait-attempt-never-waits-beside-attach-and-detach.sh
