#!/bin/sh
# Steps of training in a second, beside reference/peers.py of the shared folder: the same data, linear head, loss
# CUAXU, batch and two threads, in one run. Both count the training steps alone.
#
#   bench_train.sh [N [d]]       10000 512
#
# Skipped (77) where the shared folder, or a python3 with torch and h5py, is missing. Prints the ratios beside what is
# asked, and fails under a floor, which is stated at its place.
set -eu
: "${CONTRAGAP:?CONTRAGAP must name the program}"
n=${1:-10000} d=${2:-512}
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
echo "N = $n, d = $d -> 128, CUAXU, two threads; steps per second"
# batch, asked for, floor: a third of what is asked, which is for AVX-512. With AVX2 alone an idle machine gave 4.4, 3.6 and
# 8.8, and torch itself differs twofold from run to run.
status=0
while read -r batch asked floor; do
  epochs=1
  [ "$batch" -gt 64 ] && epochs=2
  "$python" "$peers" train "$work/pairs.h5" --dim 128 --batch "$batch" --loss cuaxu --epochs $epochs --threads 2 >"$work/peer.json"
  "$CONTRAGAP" train "$work/pairs.h5" -o "$work/out" --force --head linear --dim 128 --batch "$batch" --loss cuaxu \
    --epochs 3 --patience 0 --schedule constant --lr 1e-3 --threads 2 --test 0.1 --quiet >/dev/null </dev/null
  "$python" - "$work" "$batch" "$asked" "$floor" <<'END' || status=1
import json, sys

work, batch, asked, floor = sys.argv[1:]
peer = json.load(open(f"{work}/peer.json"))["steps_per_second"]
ours = max(json.loads(line)["steps_per_second"] for line in open(f"{work}/out/history.jsonl"))
loss = [json.loads(line)["training"]["loss"] for line in open(f"{work}/out/history.jsonl")]
if not loss[-1] < loss[0]:
    sys.exit(f"batch {batch}: the loss does not fall: {loss}")
print(f"batch {batch:5}: {ours:8.1f} here, {peer:8.2f} in torch: {ours / peer:.1f} times, asked for {asked}, floor {floor}")
sys.exit(ours < float(floor) * peer)
END
done <<LIMITS
64 10 3.3
1024 9 3
4096 17 5.6
LIMITS
exit $status
