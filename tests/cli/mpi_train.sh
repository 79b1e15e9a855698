#!/bin/sh
# Sweeps, training and apply under a launcher give what one process gives.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib_mpi.sh"
draw_nothing

# ---------------------------------------------------------------- sweeps
fine simulate --model clip --n 600 --d 16 -o small.h5
grid="--dim 4,8 --loss clip --seeds 1,2 --epochs 2"
# shellcheck disable=SC2086
fine sweep small.h5 $grid -o sweep-1
# shellcheck disable=SC2086
ranks 3 sweep small.h5 $grid -o sweep-3
want_rc 0
columns=1-13,15- # without the seconds
for n in 1 3; do
  cut -d, -f$columns "sweep-$n/sweep.csv" >"csv-$n"
done
cmp -s csv-1 csv-3 || complain "a sweep on three ranks is another one"
# a rank that cannot make its run marks it, the others go on; --resume tries it again
# shellcheck disable=SC2016
mixed 2 'room=2G; [ "$RANK" = 1 ] && room=1M
  exec "$CONTRAGAP" sweep small.h5 '"$grid"' -o sweep-2 --threads 1 --memory $room'
want_rc 0
want_text err "warning: sweep, run " "rank 1 on " "--memory allows 1M"
[ "$(grep -c '"failed":true' sweep-2/runs.jsonl)" -ge 1 ] || complain "no run is marked: $(cat sweep-2/runs.jsonl)"
# shellcheck disable=SC2086
fine sweep small.h5 $grid -o sweep-2 --resume
cut -d, -f$columns sweep-2/sweep.csv | cmp -s - csv-1 || complain "what was tried again is not what it should be"

# ---------------------------------------------------------------- training: 1e-5 after 50 steps
options="--batch 600 --steps 50 --patience 0 --seed 3 --learn-temperature"
# shellcheck disable=SC2086
fine train pairs.h5 $options -o train-1
for n in 2 3; do
  # shellcheck disable=SC2086
  ranks $n train pairs.h5 $options -o train-$n
  want_rc 0
  "$PYTHON" - train-1 train-$n <<'END' || complain "training on $n ranks is another one"
import h5py, json, sys
import numpy as np
one, other = sys.argv[1:]
def head(folder):
    out = {}
    with h5py.File(folder + "/head.h5") as file:
        file.visititems(lambda name, o: out.update({name: o[()]}) if isinstance(o, h5py.Dataset) else None)
    return {k: v for k, v in out.items() if v.dtype.kind == "f"}
a, b = head(one), head(other)
worst = {k: np.linalg.norm(a[k] - b[k]) / max(1e-30, np.linalg.norm(a[k])) for k in a}
assert max(worst.values()) < 1e-5, worst
lines = [[json.loads(line) for line in open(folder + "/history.jsonl")] for folder in (one, other)]
assert len(lines[0]) == len(lines[1]) > 1
END
  checks=$((checks + 1))
done

# without --memory the ranks of a node share half of what is free: with half as much again as one training needs, one
# process trains and two are refused, whether they say their plan or not
run train small.h5 --dry-run --threads 1 --memory 1K
least=$(sed -n 's/.*give --memory \([0-9]*\)M.*/\1/p' err)
echo "MemAvailable: $((${least:-0} * 3 * 1024)) kB" >meminfo

# poor COMMAND…: on a machine with so little memory
poor() {
  # shellcheck disable=SC2016  # the inner shell expands it
  runs unshare -rm sh -c 'mount --bind meminfo /proc/meminfo && exec "$@"' poor "$@"
  grep '^contragap:' err >said
  mv said err
}
if unshare -rm mount --bind meminfo /proc/meminfo 2>/dev/null; then
  quick="small.h5 --epochs 1 --threads 1 --quiet"
  # shellcheck disable=SC2086
  poor "$CONTRAGAP" train $quick -o poor-1
  want_rc 0
  for how in "train $quick -o poor-2" "train $quick -o poor-2 --verbose" "train $quick --dry-run" \
    "sweep $quick --seeds 1 --loss clip -o poor-3"; do
    # shellcheck disable=SC2086
    poor $MPIEXEC -n 2 "$CONTRAGAP" $how
    want_rc 5
    want_line err "half of what is free"
  done
  want_absent poor-2 poor-3
fi

# ---------------------------------------------------------------- a head over rows of all ranks
ends 4 apply train-1/head.h5 ragged.h5 -o wrong.h5
fine simulate --model clip --n 3 --d 8 -o tiny.h5
mkdir applied

# want_applied ONE OTHER PARTS: the same values, bit by bit, and attributes; images and texts virtual over so many parts
want_applied() {
  checks=$((checks + 1))
  "$PYTHON" - "$@" <<'END' || complain "$1 and $2 differ"
import h5py, os, sys
one, other = (h5py.File(name) for name in sys.argv[1:3])
def listed(file):
    names = []
    file.visit(names.append)
    return names
assert listed(one) == listed(other), (listed(one), listed(other))
for name in listed(one):
    a, b = one[name], other[name]
    assert {k: str(v) for k, v in a.attrs.items()} == {k: str(v) for k, v in b.attrs.items()}, name
    if isinstance(a, h5py.Dataset):
        assert a.dtype == b.dtype and a[()].tobytes() == b[()].tobytes(), name
sources = [s.file_name for name in ("image", "text") for s in other[name].virtual_sources()]
assert len(set(sources)) == int(sys.argv[3]) and not any("/" in s for s in sources), sources
END
}

# applied NAME "RANKS…" ARGS…: what apply ARGS writes on so many ranks is what one process writes
applied() {
  name=$1 counts=$2
  shift 2
  fine apply "$@" -o "applied/$name-1.h5"
  cp out gap
  for count in $counts; do
    ranks "$count" apply "$@" -o "applied/$name-$count.h5"
    cmp -s out gap || complain "another gap on $count ranks: $(cat out)"
    want_rc 0
    want_text err "next to it: move and copy them together"
    want_applied "applied/$name-1.h5" "applied/$name-$count.h5" "$count"
  done
}
applied head "2 3 4" train-1/head.h5 pairs.h5 # class texts, words, three axes
applied ragged "3" --method center ragged.h5  # float16 and float32, a split within a block
applied shards "2" --method whiten shard0.h5 shard1.h5 shard2.h5
applied unpaired "4" --method center --unpaired unpaired.h5
run apply --method center bad.h5 --drop-bad -o applied/bad-1.h5
ranks 2 apply --method center bad.h5 --drop-bad -o applied/bad-2.h5
want_rc 0
want_text err "2 bad rows"
want_applied applied/bad-1.h5 applied/bad-2.h5 2
run apply --method center tiny.h5 -o applied/tiny-1.h5
ranks 4 apply --method center tiny.h5 -o applied/tiny-4.h5 # fewer rows than ranks
want_rc 0
want_applied applied/tiny-1.h5 applied/tiny-4.h5 3
ranks 3 apply train-1/head.h5 pairs.h5 -o applied/whole.h5 --one-file
want_rc 0
cmp -s applied/whole.h5 applied/head-1.h5 || complain "--one-file on three ranks is another file"
[ "$(find applied -name '*.tmp*' | wc -l)" -eq 0 ] || complain "temporary files are left: $(ls applied)"

# it may be moved, and every command reads it as it reads one file
mv applied moved
(cd / && exec "$CONTRAGAP" audit "$work/moved/head-3.h5" --json) >virtual.json 2>err || complain "moved: $(cat err)"
run audit moved/head-1.h5 --json
mv out whole.json
ranks 2 audit moved/head-4.h5 --json
want_rc 0
checks=$((checks + 1))
"$PYTHON" - whole.json virtual.json out <<'END' || complain "audits of virtual datasets differ"
import json, sys
reports = [json.load(open(name)) for name in sys.argv[1:]]
for report in reports:
    del report["run"], report["input"], report["advice"]["reason"], report["advice"]["command"]  # they name the file
assert reports[0] == reports[1] == reports[2]
END
fine info moved/head-3.h5
want_text out "virtual over 3 files"
for n in 1 3; do
  fine train "moved/head-$n.h5" -o "again-$n" --epochs 1
done
for n in 1 3; do
  sed 's/"\(seconds\|steps_per_second\)":[^,}]*//g' "again-$n/history.jsonl" >"history-$n"
done
cmp -s history-1 history-3 || complain "training on virtual datasets is another one"

# a part that is missing, cut short or another one's is named
part=moved/head-3.part-2-of-3.h5
mv $part aside.h5
for command in audit info "train -o none"; do
  # shellcheck disable=SC2086
  refused 3 "head-3.part-2-of-3.h5 is missing (source 2 of 3)" $command moved/head-3.h5
done
head -c 5000 aside.h5 >$part
refused 3 "head-3.part-2-of-3.h5 is damaged or cut short" audit moved/head-3.h5
cp moved/head-4.part-1-of-4.h5 $part
refused 3 "head-3.part-2-of-3.h5 has fewer rows" audit moved/head-3.h5
mv aside.h5 $part

# another output in its place takes its parts away, once it is complete
ranks 3 apply --method center pairs.h5 -o moved/head-3.h5
want_rc 0
want_absent $part
want_file moved/head-3.part-2-of-3.2.h5
if [ -z "$mpich" ]; then # MPICH's own files would be cut off as well
  # shellcheck disable=SC2016
  mixed 3 '[ "$RANK" = 1 ] && ulimit -f 50; exec "$CONTRAGAP" apply --method center pairs.h5 -o moved/head-3.h5 --threads 1'
  want_rc 5
  want_line err "rank 1 on " "head-3.part-2-of-3.h5"
fi
want_file moved/head-3.part-2-of-3.2.h5
fine audit moved/head-3.h5
fine apply --method center pairs.h5 -o moved/head-3.h5
[ "$(find moved -name 'head-3.*' | wc -l)" -eq 1 ] || complain "left next to head-3.h5: $(ls moved)"

# a checkpoint of two ranks goes on on three
options="--batch 600 --epochs 300 --patience 0 --seed 3"
# shellcheck disable=SC2086
timeout -s INT 3 $MPIEXEC -n 2 "$CONTRAGAP" train pairs.h5 $options -o resumed --threads 1 \
  >/dev/null 2>&1 </dev/null
for _ in $(seq 300); do # ranks outlive their launcher for a moment
  grep -lzsx '[r]esumed' /proc/[0-9]*/cmdline >/dev/null || break
  sleep 0.1
done
sleep 0.5
want_file resumed/checkpoint.bin
# shellcheck disable=SC2086
ranks 3 train pairs.h5 $options -o resumed --resume
want_rc 0
[ "$(wc -l <resumed/history.jsonl)" -eq 300 ] || complain "$(wc -l <resumed/history.jsonl) epochs, not 300"
want_file resumed/head.h5 resumed/after.json resumed/compare.json

finish
