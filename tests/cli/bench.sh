#!/bin/sh
# contragap bench: a sentence first, figures with units, shares of limits, and refusals. What the figures are is no test.
. "$(dirname "$0")/lib.sh"

fine bench --n 300 --d 16 --quiet
want_text out 'sgemm, best square' 'GFLOP/s' 'tile pass, every measure' '% of sgemm' '% of moments' 'rows read, gzip float16' '% of gunzip'
want_text out 'page fault, small page' 'page fault, huge page' "processors' time"
want_none '.\{85\}' out # bytes: a line of 80 letters has a few more, for µ
head -n 1 out >first
sed -n '/\.$/{n;p;q;}' out >after
want_line first 'This machine '
want_none '[A-Za-z]' after # a blank line behind the sentence, before the figures
fine bench --n 300 --d 16 --json
want_text out '"machine"' '"does_well"' '"sentence": "This machine ' '"held_back_by"' '"small_page_fault"' '"huge_page_fault"'
want_text out '"tile_pass"' '"limited_by": "sgemm"' '"unit": "GB/s"' '"couples"' '"separability"' '"spectra"' '"ranks": 1' '"dim": 16'
cp out measured.json

# what a job costs: the model takes what was measured, and a known answer
cost=$CONTRAGAP_SOURCE/samples/slurm/cost.sh
works sh "$cost" measured.json 100000 8
want_text out 'd = 16, on 8 ranks' 'tiles' 'waiting for the ring' 'in all' 'memory of a rank'
cat >round.json <<'END'
{
  "run": {
    "rows": 51200,
    "dim": 512
  },
  "machine": {
    "does_well": null,
    "sentence": "This machine does well.",
    "held_back_by": []
  },
  "huge_page_fault": {
    "value": null,
    "unit": "µs"
  },
  "file": {
    "value": 1.0,
    "unit": "GB/s"
  },
  "row_pass": {
    "value": 1.024,
    "limited_by": "file"
  },
  "tile_pass": {
    "value": 1e2
  },
  "couples": {
    "value": 1000
  },
  "separability": {
    "value": 1000
  },
  "spectra": {
    "value": 10
  }
}
END
# rows of a rank: 2^21 / 4; 1.024e10 / 1024 a second in the row pass; 2·512·(2·2^40 + 2^30)/4 operations in tiles
works sh "$cost" round.json 1048576 4 speed=10 ring=1
want_text out '5.63e+14 flop a rank' '557.6 s' '0.05243 s' '1.88 GB a rank'
works sh "$cost" round.json 5e9 64 queries=1000
want_text out 'pairs of the sample' 'queries'
runs sh "$cost" round.json 1000000
want_rc 2
want_text err 'cost.sh rank.json PAIRS RANKS'
runs sh "$cost" round.json 1000000 4 ring=fast
want_rc 2
want_line err 'ring=fast'
runs sh "$cost" /dev/null 1000000 4
want_rc 2
want_line err 'bench --json'
refused 2 "file.h5" bench file.h5
refused 2 "--n" bench --n 5
TMPDIR=$work/none
export TMPDIR
refused 3 "$TMPDIR" bench --n 300 --d 16 --quiet
finish
