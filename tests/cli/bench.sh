#!/bin/sh
# contragap bench: figures with units, shares of limits, and refusals. What the figures are is no test.
. "$(dirname "$0")/lib.sh"

run bench --n 300 --d 16 --quiet
want_rc 0
want_text out 'sgemm, best square' 'GFLOP/s' 'tile pass, every measure' '% of sgemm' '% of moments' 'rows read, gzip float16' '% of gunzip'
run bench --n 300 --d 16 --json
want_rc 0
want_text out '"tile_pass"' '"limited_by": "sgemm"' '"unit": "GB/s"'
run bench file.h5
want_rc 2
want_line err file.h5
run bench --n 5
want_rc 2
want_line err --n
TMPDIR=$work/none
export TMPDIR
run bench --n 300 --d 16 --quiet
want_rc 3
want_line err "$TMPDIR"
finish
