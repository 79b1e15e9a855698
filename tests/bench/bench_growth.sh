#!/bin/sh
# How time and memory grow with rows and dimensions: audits of simulated files, exact to 100,000 rows and sampled to a
# million, and 64 to 1024 dimensions; a table, the exponents fitted to it, and growth.svg where gnuplot is there.
#
#   bench_growth.sh [most rows exact [most rows sampled [DIR for growth.tsv and growth.svg]]]     100000 1000000 .
#
# Needs 2 GB of disk for the largest file and some minutes.
set -eu
: "${CONTRAGAP:?CONTRAGAP must name the program}"
exact=${1:-100000} sampled=${2:-1000000} out=${3:-.}
work=$(mktemp -d "${TMPDIR:-/tmp}/contragap-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT

# measure SERIES N D PAIRS: a line of the table, the fastest of two where that is quick
measure() {
  "$CONTRAGAP" simulate -o "$work/pairs.h5" --model clip --n "$2" --d "$3" --dtype float16 --seed 1 --quiet
  runs=2
  [ "$2" -lt 50000 ] || runs=1
  while [ "$runs" -gt 0 ]; do
    "$CONTRAGAP" audit "$work/pairs.h5" --threads 2 --pairs "$4" --json --quiet >"$work/report.json"
    sed -n 's/^ *"seconds": \([0-9.e+-]*\).*/seconds \1/p; s/^ *"peak_memory_bytes": \([0-9]*\).*/bytes \1/p' \
      "$work/report.json" >>"$work/runs"
    runs=$((runs - 1))
  done
  awk -v series="$1" -v n="$2" -v d="$3" '
    $1 == "seconds" && (s == "" || $2 < s) { s = $2 }
    $1 == "bytes" { b = $2 }
    END { printf "%s\t%d\t%d\t%.3f\t%.0f\n", series, n, d, s, b / 1048576 }' "$work/runs" | tee -a "$work/table"
  rm "$work/runs"
}

printf 'series\trows\tdim\tseconds\tMiB\n' | tee "$work/table"
for n in 1000 3000 10000 30000 100000; do
  [ "$n" -gt "$exact" ] || measure exact "$n" 512 exact
done
for n in 100000 300000 1000000; do
  [ "$n" -gt "$sampled" ] || measure sampled "$n" 512 sampled
done
for d in 64 128 256 512 1024; do
  measure dimensions 10000 "$d" exact
done

# least squares in logarithms; of the exact runs from 10,000 rows on, where the tiles outweigh the rest
awk -F '\t' '
  function add(series, x, y) { n[series]++; sx[series] += x; sy[series] += y; sxx[series] += x * x; sxy[series] += x * y }
  NR > 1 { t = log($4); m = log($5) }
  $1 == "exact" && $2 >= 10000 { add("time of exact audits, rows to the", log($2), t); add("memory of exact audits, rows to the", log($2), m) }
  $1 == "sampled" { add("time of sampled audits, rows to the", log($2), t); add("memory of sampled audits, rows to the", log($2), m) }
  $1 == "dimensions" { add("time, dimensions to the", log($3), t) }
  END {
    for (s in n)
      if (n[s] > 1)
        printf "%s %.2f\n", s, (n[s] * sxy[s] - sx[s] * sy[s]) / (n[s] * sxx[s] - sx[s] * sx[s])
  }' "$work/table" | sort

cp "$work/table" "$out/growth.tsv"
if command -v gnuplot >/dev/null; then
  gnuplot -e "table = '$out/growth.tsv'; svg = '$out/growth.svg'" "$(dirname "$0")/growth.gp"
fi
