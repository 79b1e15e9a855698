#!/bin/sh
# `contragap audit` on ranks: 2 ranks of one thread beside 1 rank of one thread, as a share of what two one-thread sgemm
# loops gain over one on this machine; beside one process of two threads; and the memory of a rank of four.
#
#   bench_ranks.sh [N [d [runs]]]       20000 512 5
#
# The three audits take turns, and of each the fastest run counts, as of sgemm; medians stand beside them.
# Skipped (77) where mpirun is missing or the program is built without MPI.
set -eu
: "${CONTRAGAP:?CONTRAGAP must name the program}"
n=${1:-20000} d=${2:-512} runs=${3:-5}
mpi="mpirun --oversubscribe --allow-run-as-root --bind-to none"
if ! command -v mpirun >/dev/null || [ ! -x /usr/bin/time ]; then
  echo "skipped: mpirun and /usr/bin/time are needed" >&2
  exit 77
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/contragap-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT
"$CONTRAGAP" simulate -o "$work/pairs.h5" --model clip --n "$n" --d "$d" --dtype float32 --seed 1 --quiet

rate() { # FILE: GFLOP/s of the first figure, the best sgemm
  sed -n '/"sgemm"/,/}/s/^ *"value": \([0-9.]*\).*/\1/p' "$1"
}
"$CONTRAGAP" bench --threads 1 --json >"$work/one" 2>/dev/null
"$CONTRAGAP" bench --threads 1 --json >"$work/left" 2>/dev/null &
"$CONTRAGAP" bench --threads 1 --json >"$work/right" 2>/dev/null
wait

audit() { # NAME THREADS COMMAND…: appends the seconds of the audit, as its report says, to NAME
  name=$1 threads=$2
  shift 2
  "$@" audit "$work/pairs.h5" --pairs exact --json --quiet --threads "$threads" >"$work/$name.json"
  sed -n 's/^ *"seconds": \([0-9.e+-]*\).*/\1/p' "$work/$name.json" >>"$work/$name"
}
fastest() {
  sort -g "$work/$1" | head -n 1
}
median() {
  sort -g "$work/$1" | sed -n "$((runs / 2 + 1))p"
}
run=0
# shellcheck disable=SC2086  # mpirun and its flags
{
  while [ "$run" -lt "$runs" ]; do
    audit single 1 $mpi -n 1 "$CONTRAGAP"
    audit pair 1 $mpi -n 2 "$CONTRAGAP"
    audit process 2 "$CONTRAGAP"
    run=$((run + 1))
  done
  $mpi -n 4 /usr/bin/time -f 'rank %M' "$CONTRAGAP" audit "$work/pairs.h5" --pairs exact --json --quiet --threads 1 \
    2>"$work/memory" >"$work/four.json"
}
for report in single pair process four; do
  sed '/^  "run": {/,/^  }/d' "$work/$report.json" >"$work/$report.values"
  cmp "$work/single.values" "$work/$report.values"
done
most=$(sed -n 's/.*rank \([0-9]*\)$/\1/p' "$work/memory" | sort -n | tail -n 1)
awk -v n="$n" -v d="$d" -v one="$(rate "$work/one")" -v left="$(rate "$work/left")" -v right="$(rate "$work/right")" \
  -v single="$(fastest single)" -v pair="$(fastest pair)" -v process="$(fastest process)" -v runs="$runs" \
  -v middle="$(median single)" -v middle_pair="$(median pair)" -v middle_process="$(median process)" -v most="$most" 'BEGIN {
  gain = (left + right) / one
  allowed = 2 * n * d * 4 / 4 * 3 / 1048576 + 300
  printf "N = %d, d = %d: the same report from 1, 2 and 4 ranks and from one process\n", n, d
  printf "sgemm, one thread %.0f GFLOP/s, two loops at once %.0f and %.0f: %.2f times\n", one, left, right, gain
  printf "1 rank of 1 thread %.2f s, 2 ranks of 1 thread %.2f s: %.2f times, %.2f of what sgemm gains\n", \
    single, pair, single / pair, single / pair / gain
  printf "1 process of 2 threads %.2f s: 2 ranks have %.2f of its speed\n", process, process / pair
  printf "medians of %d runs: %.2f, %.2f and %.2f s: %.2f of what sgemm gains, %.2f of the process of 2 threads\n", runs, \
    middle, middle_pair, middle_process, middle / middle_pair / gain, middle_process / middle_pair
  printf "memory of the greatest of 4 ranks %.0f MiB, asked for: under %.0f\n", most / 1024, allowed
}'
