#!/bin/bash
# tier: full
# timeout: 1500
# vm: --append log_buf_len=64M
# Given, When, Then: as a thousand of them, from another seed
set -- 10000 2
. tests/shell/errors/a-thousand-hostile-tables-and-messages-give-clean-errors.sh
