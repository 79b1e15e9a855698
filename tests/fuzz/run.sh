#!/bin/sh
# sh tests/fuzz/run.sh TARGET SECONDS: fuzzes one target, or `all`, `parsers` or `hdf5`; builds first.
#
# Ends with a table of executions, edges and speed, and exits with 1 where a fault of ours was found; its input is then
# in build-fuzz/found. A crash inside libhdf5 is listed and does not count: Debian's 1.10 has many on damaged files.
#
# Two targets run at a time (JOBS). Inputs that reach new code go to build-fuzz/corpus/TARGET and are used the next time;
# with FRESH=1 they are thrown away, so that a run begins from the kept corpus alone, as in CI.
# MERGE=1: afterwards the kept corpus, tests/fuzz/corpus/TARGET, becomes the smallest inputs that reach as much.
set -u
cd "$(dirname "$0")/../.." || exit 1
here=$PWD/tests/fuzz build=$PWD/build-fuzz
[ $# -eq 2 ] || {
  sed -n '2s/^# //p' "$here/run.sh" >&2
  exit 2
}
seconds=$2
command -v llvm-symbolizer >/dev/null || {
  echo "llvm-symbolizer is missing (Debian: llvm): without it a crash cannot be told from one of libhdf5" >&2
  exit 1
}

if [ ! -f "$build/build.ninja" ]; then
  CC=clang meson setup "$build" -Dfuzz=enabled -Dtests=disabled -Dmpi=disabled -Donednn=disabled -Db_lundef=false \
    -Dbuildtype=debugoptimized </dev/null >&2 || exit 1
fi
ninja -C "$build" tests/fuzz/fuzz </dev/null >&2 || exit 1
scratch=$(mktemp -d /dev/shm/contragap-fuzz-XXXXXX 2>/dev/null) || scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# shellcheck disable=SC2046  # one word a process
trap 'kill $(jobs -p) 2>/dev/null; exit 130' INT TERM
fuzz=$scratch/fuzz # a copy: a build in the meantime takes nothing away
cp "$build/tests/fuzz/fuzz" "$fuzz" || exit 1

all=$(FUZZ_TARGET='' "$fuzz")
hdf5='hdf5-open hdf5-rows hdf5-audit hdf5-copy head'
case $1 in
all) targets=$all ;;
hdf5) targets=$hdf5 ;;
parsers) targets=$(printf '%s\n' "$all" | grep -vxE "$(echo "$hdf5" | tr ' ' '|')") ;;
*) targets=$1 ;;
esac

export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 HDF5_USE_FILE_LOCKING=FALSE LC_ALL=C
export UBSAN_OPTIONS=print_stacktrace=1
export ASAN_OPTIONS=detect_odr_violation=0:quarantine_size_mb=8:malloc_context_size=8

# The frame in which a run ended: the first of our files or of a library but libc. Where that is in libhdf5 and it went
# past memory that we gave it, the frame that took the memory.
culprit() {
  awk '/allocated by thread/ {maker = 1}
  /^ +#[0-9]+ 0x/ && (/ \.\.\/|\/\.\.\/(src|analysis|tests)\// || /\(\/[^ ]*\.so/) && !/libc\.so|check_outcome|compiler-rt/ && !frame[maker + 0] {
    frame[maker + 0] = $0
  }
  END {print (frame[0] ~ /libhdf5/ && frame[1] && frame[1] !~ /\(\/[^ ]*\.so/ ? frame[1] : frame[0])}' "$1"
}

# fuzz_one TARGET: restarts after each crash with the next random seed; writes a line of the table to scratch/TARGET.row
fuzz_one() {
  target=$1 number=
  trap 'kill $number 2>/dev/null; exit 130' TERM
  own=$scratch/$target
  corpus=$build/corpus/$target
  [ "${FRESH:-}" != 1 ] || corpus=$own/corpus
  mkdir -p "$own/tmp" "$corpus" "$build/found"
  end=$(($(date +%s) + seconds)) seed=1 executions=0 edges=0 library=0 ours=0
  while left=$((end - $(date +%s))) && [ "$left" -gt 0 ] && [ "$ours" -lt 20 ]; do
    code=0
    TMPDIR=$own/tmp FUZZ_TARGET=$target "$fuzz" -seed=$seed -max_total_time="$left" -timeout=20 -rss_limit_mb=2500 \
      -malloc_limit_mb=200 -close_fd_mask=3 -print_final_stats=1 -artifact_prefix="$own/$target-" \
      "$corpus" "$here/corpus/$target" >"$own/log" 2>&1 </dev/null &
    number=$!
    wait "$number" || code=$?
    rm -f "/dev/shm/__KMP_REGISTERED_LIB_${number}_0" # of libomp, after a crash
    executions=$((executions + $(awk '/stat::number_of_executed_units/ {n = $2} END {print n + 0}' "$own/log")))
    edges=$(awk -v most="$edges" '{for (i = 1; i < NF; i++) if ($i == "cov:" && $(i + 1) > most) most = $(i + 1)}
      END {print most}' "$own/log")
    [ "$code" -ne 0 ] || break
    where=$(culprit "$own/log")
    case $where in
    *libhdf5*)
      library=$((library + 1))
      echo "$target: in libhdf5: $where" >>"$scratch/library"
      ;;
    *)
      ours=$((ours + 1))
      mv "$own/$target-"* "$build/found/" 2>/dev/null
      cp "$own/log" "$build/found/$target-$seed.log"
      {
        echo "$target: FAULT, build-fuzz/found/$target-$seed.log: $where"
        grep -aE 'fuzz\.c:[0-9]+: [^/]|runtime error|ERROR: ' "$own/log" | head -n 2 | tr -c '[:print:]\n' '?'
      } >>"$scratch/ours"
      ;;
    esac
    rm -rf "$own/$target-"* "$own/tmp"/*
    seed=$((seed + 1))
  done
  times >"$own/times" # of the processor: other work on the machine does not count
  speed=$(awk -v n="$executions" 'NR == 2 {
    for (i = 1; i <= 2; i++) {split($i, t, /[ms]/); sum += 60 * t[1] + t[2]}
    printf "%d", (sum > 0 ? n / sum : 0)}' "$own/times")
  printf '%-18s %11d %7d %9d %7d %8d\n' "$target" "$executions" "$edges" "$speed" "$ours" "$library" \
    >"$scratch/$target.row"
}

running=0
: >"$scratch/ours"
: >"$scratch/library"
for target in $targets; do
  fuzz_one "$target" &
  running=$((running + 1))
  if [ "$running" -ge "${JOBS:-2}" ]; then
    wait
    running=0
  fi
done
wait

if [ "${MERGE:-}" = 1 ]; then
  for target in $targets; do
    mkdir -p "$scratch/merged/$target" "$scratch/tmp"
    TMPDIR=$scratch/tmp FUZZ_TARGET=$target "$fuzz" -merge=1 -use_counters=0 -close_fd_mask=3 -timeout=20 -rss_limit_mb=2500 \
      -malloc_limit_mb=200 "$scratch/merged/$target" "$here/corpus/$target" "$build/corpus/$target" \
      >"$scratch/merge.log" 2>&1 </dev/null || cat "$scratch/merge.log" >&2
    mkdir -p "$here/corpus/$target"
    find "$here/corpus/$target" -type f ! -name 'fault-*' -exec rm {} +
    cp "$scratch/merged/$target"/* "$here/corpus/$target/"
  done
fi

[ ! -s "$scratch/library" ] || {
  echo "Crashes inside libhdf5, by place:"
  sed 's/#[0-9]* 0x[0-9a-f]* //; s/ (BuildId.*//' "$scratch/library" | sort | uniq -c | sort -rn
}
cat "$scratch/ours"
echo "target              executions   edges  a second  faults  libhdf5"
for target in $targets; do
  cat "$scratch/$target.row"
done
[ ! -s "$scratch/ours" ]
