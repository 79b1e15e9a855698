#!/bin/sh
# Steps of training in a second with all rows in memory and with the rows in their file: N pairs of float16, linear
# head, loss CUAXU. The heads are the same, bit by bit.
#
#   bench_reads.sh [N [d]]       200000 512
#
# FILE, BATCHES: another file, other batches. COLD=1: the file leaves the page cache first.
set -eu
: "${CONTRAGAP:?CONTRAGAP must name the program}"
n=${1:-200000} d=${2:-512}
work=$(mktemp -d "${TMPDIR:-/tmp}/contragap-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT
file=${FILE:-$work/pairs.h5}
[ -f "$file" ] || "$CONTRAGAP" simulate -o "$file" --model clip --n "$n" --d "$d" --dtype float16 --seed 1 --quiet

# fit NAME BATCH SIZE: the best of the epochs
fit() {
  [ "${COLD:-0}" = 0 ] || dd if="$file" iflag=nocache count=0 2>/dev/null
  "$CONTRAGAP" train "$file" -o "$work/$1" --force --head linear --dim 128 --batch "$2" --loss cuaxu --epochs 2 --patience 0 \
    --schedule constant --lr 1e-3 --threads 2 --test 0.005 --val 0.005 --memory "$3" --quiet -v >/dev/null 2>"$work/said"
  sed -n 's/.*"steps_per_second":\([0-9.]*\).*/\1/p' "$work/$1/history.jsonl" | sort -n | tail -1
}

echo "N = $n, d = $d -> 128, CUAXU, two threads; steps per second"
status=0
for batch in ${BATCHES:-64 1024 4096}; do
  held=$(fit held "$batch" 16G)
  least=$("$CONTRAGAP" train "$file" --head linear --dim 128 --batch "$batch" --test 0.005 --val 0.005 --memory 1K \
    --dry-run 2>&1 | sed -n 's/.*give --memory \([0-9]*M\).*/\1/p')
  read=$(fit read "$batch" "$least")
  cmp -s "$work/held/head.h5" "$work/read/head.h5" || status=1
  echo "batch $batch: $held in memory, $read from the file under --memory $least: $(echo "$read $held" | awk '{ print $1 / $2 }')"
done
exit $status
