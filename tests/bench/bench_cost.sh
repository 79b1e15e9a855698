#!/bin/sh
# The cost model of samples/slurm: what it predicts for audits on 1 to 4 ranks of one thread, from one run of
# `contragap bench`, beside what they take. More ranks than cores share these.
#
#   bench_cost.sh ["N…" [d [runs]]]     "20000 40000" 512 3
#
# Skipped (77) where mpirun is missing or the program is built without MPI.
set -eu
: "${CONTRAGAP:?CONTRAGAP must name the program}" "${CONTRAGAP_SOURCE:?CONTRAGAP_SOURCE must name the source tree}"
sizes=${1:-20000 40000} d=${2:-512} runs=${3:-3}
: "${MPIEXEC:=mpirun --oversubscribe --allow-run-as-root --bind-to none}"
command -v "${MPIEXEC%% *}" >/dev/null || {
  echo "skipped: ${MPIEXEC%% *} is not here" >&2
  exit 77
}
cores=$(getconf _NPROCESSORS_ONLN)
work=$(mktemp -d "${TMPDIR:-/tmp}/contragap-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT

value() { # FILE KEY: of what bench --json said
  sed -n "/\"$2\"/,/}/s/^ *\"value\": \([0-9.e+-]*\).*/\1/p" "$1"
}

best() { # KEY FILE…: the greatest
  key=$1
  shift
  for file; do
    value "$file" "$key"
  done | sort -g | tail -n 1
}

"$CONTRAGAP" bench --n 20000 --d "$d" --threads 1 --json --quiet >"$work/rank.json"
# shellcheck disable=SC2086  # the launcher's flags
$MPIEXEC -n 2 "$CONTRAGAP" bench --n 1000 --d "$d" --threads 1 --json --quiet >"$work/two.json"
ring=$(best ring "$work/two.json")
[ -n "$ring" ] || {
  echo "skipped: built without MPI" >&2
  exit 77
}
printf 'tile pass %.0f GFLOP/s on one thread, ring %.1f GB/s, %d cores\n' \
  "$(value "$work/rank.json" tile_pass)" "$ring" "$cores"
echo "pairs ranks predicted measured error"
for n in $sizes; do
  "$CONTRAGAP" simulate -o "$work/pairs.h5" --model clip --n "$n" --d "$d" --dtype float32 --seed 1 --quiet
  for ranks in 1 2 3 4; do
    speed=$(awk -v r="$ranks" -v c="$cores" 'BEGIN { print (r > c) ? c / r : 1 }')
    predicted=$(sh "$CONTRAGAP_SOURCE/samples/slurm/cost.sh" "$work/rank.json" "$n" "$ranks" bytes=4 ring="$ring" \
      speed="$speed" | sed -n 's/^in all *\([0-9.e+-]*\) s/\1/p')
    run=0
    while [ "$run" -lt "$runs" ]; do
      # shellcheck disable=SC2086
      $MPIEXEC -n "$ranks" "$CONTRAGAP" audit "$work/pairs.h5" --pairs exact --threads 1 --json --quiet \
        >"$work/report.json"
      sed -n 's/^ *"seconds": \([0-9.e+-]*\).*/\1/p' "$work/report.json"
      run=$((run + 1))
    done | sort -g | head -n 1 >"$work/seconds"
    awk -v n="$n" -v ranks="$ranks" -v predicted="$predicted" '
      { printf "%d %d %.2f %.2f %+.0f %%\n", n, ranks, predicted, $1, 100 * (predicted / $1 - 1) }' "$work/seconds"
  done
done
