#!/bin/bash
# tier: full
# timeout: 300
# Given a raw partition under the load of two jobs of fio with direct asynchronous I/O, verified
# When an interposer with era is created and removed 20 times
# Then no I/O fails, every block is verified, and no device, reference or hook is left
. tests/lib/test.sh
. tests/lib/cycles.sh

cycles_on_raw_partition 20 era
test_done
