#!/bin/sh
# `contragap audit`, the whole process, beside what a user would run today: reference/peers.py of the shared
# folder, all-pairs measures blockwise in torch on the same two threads. The peer's own seconds leave out its
# imports and the reading of the file; ours leave out nothing.
#
#   bench_peers.sh [N [d [runs]]]       10000 512 3
#
# Skipped (77) where the shared folder, or a python3 with torch and h5py, is missing.
set -eu
: "${CONTRAGAP:?CONTRAGAP must name the program}"
n=${1:-10000} d=${2:-512} runs=${3:-3}
peers=${CONTRAGAP_SHARED:-../shared}/reference/peers.py
python=
for candidate in "${PYTHON:-}" python3 /usr/bin/python3; do
  if [ -n "$candidate" ] && "$candidate" -c 'import torch, h5py' 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [ ! -f "$peers" ] || [ -z "$python" ]; then
  echo "skipped: $peers and a python3 with torch and h5py are needed" >&2
  exit 77
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/contragap-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT
"$CONTRAGAP" simulate -o "$work/pairs.h5" --model clip --n "$n" --d "$d" --dtype float32 --seed 1 --quiet
ours() { # NAME OPTION…
  name=$1
  shift
  start=$(date +%s.%N)
  "$CONTRAGAP" audit "$work/pairs.h5" --threads 2 --pairs exact --json --quiet "$@" >"$work/$name.json"
  end=$(date +%s.%N)
  echo "$start $end" >>"$work/$name"
}
rough=$("$CONTRAGAP" audit "$work/pairs.h5" --precision bf16 --dry-run >/dev/null 2>&1 && echo yes || echo no)
run=0
while [ "$run" -lt "$runs" ]; do
  ours fp32
  [ "$rough" = no ] || ours bf16 --precision bf16
  start=$(date +%s.%N)
  "$python" "$peers" audit "$work/pairs.h5" --threads 2 >"$work/peer.json"
  end=$(date +%s.%N)
  echo "$start $end" >>"$work/theirs"
  cat "$work/peer.json" >>"$work/peer.lines"
  run=$((run + 1))
done
"$python" - "$work" "$n" "$d" <<'END'
import json, os, sys

work, n, d = sys.argv[1:]
report, peer = json.load(open(f"{work}/fp32.json")), [json.loads(line) for line in open(f"{work}/peer.lines")]
pairs = [(report["gap"]["centroid_distance"]["value"], peer[0]["centroid_distance"]),
         (report["alignment"]["mean_squared_distance"]["value"], peer[0]["alignment"])]
pairs += [(report["uniformity"][k]["value"], peer[0][f"uniformity_{k}"]) for k in ("image", "text", "cross")]
# The peer sums in float32. Its recall counts a positive above itself where two float products of the same rows
# round apart, and is no measure of sameness.
for ours, theirs in pairs:
    if abs(ours - theirs) > 2e-4:
        sys.exit(f"not the same work: {ours} and {theirs}")


def fastest(name):
    return min(float(b) - float(a) for a, b in (line.split() for line in open(f"{work}/{name}")))


whole, inner = fastest("theirs"), min(p["seconds"] for p in peer)
print(f"N = {n}, d = {d}, two threads")
print(f"peer, the work alone                 {inner:8.2f} s")
print(f"peer, whole process                  {whole:8.2f} s")
for name in ("fp32", "bf16"):
    if not os.path.exists(f"{work}/{name}"):
        print("contragap audit in bf16              not on this machine")
        continue
    ours, peak = fastest(name), json.load(open(f"{work}/{name}.json"))["run"]["peak_memory_bytes"] / 2**20
    print(f"contragap audit, {name}, whole process {ours:8.2f} s, peak {peak:.0f} MiB")
    print(f"times as fast                        {inner / ours:8.2f} (beside the peer's work alone), "
          f"{whole / ours:.2f} (whole processes)")
END
