#!/bin/sh
# Ranks: audit, train, apply and sweep under a launcher give what one process gives, and a rank that fails ends the job
# with one line. MPIEXEC is the launcher with its flags; without it that of the MPI that the program was built with.
# SHORT=1: audits on one number of ranks each, the most. Skipped where there is no launcher, or where the program was built
# without MPI.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

module=$(find "$CONTRAGAP_BUILD" -name 'contragap-mpi.so' | head -n 1)
[ -n "$module" ] || skip "built without MPI"
mpich=
case $(ldd "$module") in
*libmpich*)
  mpich=1 # its launcher kills all ranks where one has died: nobody is left to say more, or to tidy up
  : "${MPIEXEC:=$(command -v mpiexec.mpich || echo mpiexec)}" # Debian's name, and everybody's
  ;;
*) : "${MPIEXEC:=mpirun --oversubscribe --bind-to none}" ;; # Open MPI
esac
command -v "${MPIEXEC%% *}" >/dev/null || skip "${MPIEXEC%% *} is not here"
OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM
unset MALLOC_PERTURB_ # which meson sets: the launcher of Open MPI 4.1 crashes with it where a rank aborts
PYTHON=/usr/bin/python3

# ranks N ARGS…: contragap ARGS… on N ranks of one thread; what the launcher says is left out of err
ranks() {
  n=$1
  shift
  # shellcheck disable=SC2086  # the launcher's flags
  runs $MPIEXEC -n "$n" "$CONTRAGAP" "$@" --threads 1
  grep '^contragap:' err >said
  mv said err
}

# mixed N SCRIPT: the same, each rank by way of a shell that knows its number as $RANK
mixed() {
  last="$MPIEXEC -n $1: $2"
  rc=0
  # shellcheck disable=SC2016,SC2086  # the ranks' shell expands it; the launcher's flags
  $MPIEXEC -n "$1" \
    sh -c 'RANK=${OMPI_COMM_WORLD_RANK:-$PMI_RANK}; '"$2" >out 2>err </dev/null || rc=$?
  cat out err >launcher # with what the launcher says
  grep '^contragap:' err >said
  mv said err
}

numbers() {
  [ "${SHORT:-}" = 1 ] && echo "${1##* }" || echo "$1"
}

# all but `run` is the same, bit by bit
want_report() {
  checks=$((checks + 1))
  "$PYTHON" - "$1" "$2" <<'END' || complain "$1 and $2 differ"
import json, sys
one, other = (json.load(open(name)) for name in sys.argv[1:])
run = other.pop("run")
one.pop("run")
assert json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True), "measures differ"
assert run["ranks"] >= 2, run
END
}

# same NAME "RANKS…" ARGS…: the audit of ARGS on so many ranks is that of one process
same() {
  name=$1 counts=$(numbers "$2")
  shift 2
  run audit "$@" -o "$name-1"
  want_rc 0
  for count in $counts; do
    ranks "$count" audit "$@" -o "$name-$count"
    want_rc 0
    want_report "$name-1/report.json" "$name-$count/report.json"
    if [ -f "$name-1/rows.tsv" ]; then
      cmp -s "$name-1/rows.tsv" "$name-$count/rows.tsv" || complain "rows.tsv differs: $name on $count"
    fi
  done
}

# same_values NAME "RANKS…" ARGS…: the same of the report alone
same_values() {
  name=$1 counts=$(numbers "$2")
  shift 2
  run audit "$@" --json
  want_rc 0
  mv out "$name-1.json"
  for count in $counts; do
    ranks "$count" audit "$@" --json
    want_rc 0
    mv out "$name-$count.json"
    want_report "$name-1.json" "$name-$count.json"
  done
}

"$PYTHON" - <<'END' || exit 99
import h5py, numpy as np
random = np.random.default_rng(1)
d = 24
def write(path, **sets):
    with h5py.File(path, "w") as file:
        for name, values in sets.items():
            file[name] = values
x = random.normal(size=(3300, d)).astype("f4")
of = random.integers(0, 3300, 5001)
y = (x[of] + random.normal(size=(5001, d))).astype("f4")
x[100], y[5], y[17] = x[3000], y[4999], y[2048]
write("ragged.h5", image=x, text=y.astype("f2"), text_image=of)
bad = x.copy()
bad[7], bad[2500] = np.nan, 0
write("bad.h5", image=bad, text=y, text_image=of)
for k in range(3):
    part = slice(k * 1100, (k + 1) * 1100)
    write(f"shard{k}.h5", image=x[part], text=(x[part] + 1 + random.normal(size=(1100, d))).astype("f4"))
write("unpaired.h5", image=x, text=y[:900])
wide = random.normal(size=(2600, 300)).astype("f4")
write("tight.h5", image=wide[:1100], text=wide[1100:])
with h5py.File("empty.h5", "w") as file:  # of which nobody reads more than a block
    for name in ("image", "text"):
        file.create_dataset(name, (1000000, 8), "f2", chunks=(10000, 8))
END
run simulate --model clip --n 2500 --d 48 --captions 2 --classes 7 -o pairs.h5
want_rc 0
run simulate --model clip --n 9 --d 8 -o few.h5
want_rc 0

# ---------------------------------------------------------------- the audit
same pairs "2 3 4" pairs.h5 # zero-shot, arithmetic, captions; not divisible
same few "2 4" few.h5       # fewer rows than ranks have tiles
same ragged "2 4" ragged.h5 # float16 and float32, texts anywhere, equal rows
same bad "3" bad.h5 --drop-bad
same shards "2" shard0.h5 shard1.h5 shard2.h5
same unpaired "3" unpaired.h5 --unpaired
# shares that differ, and hardly any room: all ranks must go the same way, or they wait for one another for good
ranks 2 audit tight.h5 --unpaired --memory 1M
least=$(sed -n 's/.* give --memory \([0-9]*\)M.*/\1/p' err)
for room in 0 2; do
  last="audit of tight.h5 on 2 ranks with $((least + room))M"
  # shellcheck disable=SC2086  # the launcher's flags
  timeout 60 $MPIEXEC -n 2 "$CONTRAGAP" audit tight.h5 --unpaired --threads 1 --memory $((least + room))M >out 2>err </dev/null
  rc=$?
  want_rc 0
done
if [ -f "$CONTRAGAP_SHARED/data/modgap_clip_coco.h5" ]; then
  same real "2 3" "$CONTRAGAP_SHARED/data/modgap_clip_coco.h5"
fi

# ---------------------------------------------------------------- the audit of a sample
sampled="--pairs sampled --sample-rows 700"
# shellcheck disable=SC2086
{
  same sampled "3" ragged.h5 $sampled # rows.tsv: who was asked
  same_values sampled-pairs "2 3 4" pairs.h5 $sampled
  same_values sampled-bad "2" bad.h5 --drop-bad $sampled
  same_values sampled-shards "4" shard0.h5 shard1.h5 shard2.h5 $sampled
  same_values sampled-unpaired "3" unpaired.h5 --unpaired $sampled
}
want_text sampled-pairs-4.json '"method": "sampled"' '"zero_shot"' '"arithmetic"'
# rows that do not fit into the memory of a rank stay in the file
run simulate --model clip --n 20001 --d 256 -o long.h5 # more than a block for each of two
want_rc 0
# shellcheck disable=SC2086
ranks 2 audit long.h5 $sampled --memory 1M
want_rc 5
room=$(($(sed -n 's/.*needs \([0-9]*\)M at least.*/\1/p' err) + 1))
# shellcheck disable=SC2086
ranks 2 audit long.h5 $sampled --memory "${room}M" --dry-run
want_rc 0
want_line out "rows stay in the file" "2 ranks of 1 thread" "a sample of"
# shellcheck disable=SC2086
same_values sampled-file "2" long.h5 $sampled --memory "${room}M"
ranks 4 audit few.h5 --dry-run # three of which have no rows
want_rc 0
want_line out "all couples" "4 ranks of 1 thread"
# all ranks take the choice of one
ranks 2 audit empty.h5 --dry-run
want_rc 0
want_line out "a sample of" "all couples would be done in about" "2 ranks of 1 thread"
# shellcheck disable=SC2086
ranks 2 audit pairs.h5 --pairs auto --sample-rows 700 --json -v
want_rc 0
want_text err "all couples," "2 ranks of 1 thread"

# ---------------------------------------------------------------- the audit in bfloat16
run audit few.h5 --precision bf16 --json
if [ "$rc" -eq 0 ]; then
  same_values rough "2 3" pairs.h5 --precision bf16
  same_values rough-ragged "4" ragged.h5 --precision bf16
  # shellcheck disable=SC2086
  same_values rough-sampled "3" pairs.h5 --precision bf16 $sampled
  want_text rough-3.json '"method": "bf16"'
else
  echo "bfloat16 is not looked at: $(cat err)" >&2
fi

# ---------------------------------------------------------------- sweeps
run simulate --model clip --n 600 --d 16 -o small.h5
want_rc 0
grid="--dim 4,8 --loss clip --seeds 1,2 --epochs 2"
# shellcheck disable=SC2086
run sweep small.h5 $grid -o sweep-1
want_rc 0
# shellcheck disable=SC2086
ranks 3 sweep small.h5 $grid -o sweep-3
want_rc 0
columns=1-11,13- # without the seconds
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
run sweep small.h5 $grid -o sweep-2 --resume
want_rc 0
cut -d, -f$columns sweep-2/sweep.csv | cmp -s - csv-1 || complain "what was tried again is not what it should be"

# ---------------------------------------------------------------- training: 1e-5 after 50 steps
options="--batch 600 --steps 50 --patience 0 --seed 3 --learn-temperature"
# shellcheck disable=SC2086
run train pairs.h5 $options -o train-1
want_rc 0
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
run apply train-1/head.h5 ragged.h5 -o wrong.h5
want_rc 4
run simulate --model clip --n 3 --d 8 -o tiny.h5
want_rc 0
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
  run apply "$@" -o "applied/$name-1.h5"
  want_rc 0
  for count in $counts; do
    ranks "$count" apply "$@" -o "applied/$name-$count.h5"
    want_rc 0
    want_text err "beside it: move and copy them together"
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
    del report["run"], report["input"]
assert reports[0] == reports[1] == reports[2]
END
run info moved/head-3.h5
want_rc 0
want_text out "virtual over 3 files"
for n in 1 3; do
  run train "moved/head-$n.h5" -o "again-$n" --epochs 1
  want_rc 0
done
for n in 1 3; do
  sed 's/"\(seconds\|steps_per_second\)":[^,}]*//g' "again-$n/history.jsonl" >"history-$n"
done
cmp -s history-1 history-3 || complain "training on virtual datasets is another one"

# a part that is missing, cut short or another one's is told, by name
part=moved/head-3.part-2-of-3.h5
mv $part aside.h5
for command in audit info "train -o none"; do
  # shellcheck disable=SC2086
  run $command moved/head-3.h5
  want_rc 3
  want_line err "head-3.part-2-of-3.h5 is missing (source 2 of 3)"
done
head -c 5000 aside.h5 >$part
run audit moved/head-3.h5
want_rc 3
want_line err "head-3.part-2-of-3.h5 is damaged or cut short"
cp moved/head-4.part-1-of-4.h5 $part
run audit moved/head-3.h5
want_rc 3
want_line err "head-3.part-2-of-3.h5 has fewer rows"
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
run audit moved/head-3.h5
want_rc 0
run apply --method center pairs.h5 -o moved/head-3.h5
want_rc 0
[ "$(find moved -name 'head-3.*' | wc -l)" -eq 1 ] || complain "left beside head-3.h5: $(ls moved)"

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

# ---------------------------------------------------------------- rank 0 alone talks
ranks 3 audit pairs.h5 --json
want_rc 0
"$PYTHON" -c 'import json; json.load(open("out"))' || complain "the JSON of three ranks is no JSON"
TERM=xterm
export TERM
ranks 2 audit few.h5
want_rc 0
! grep -q "$(printf '\033')" out || complain "colours in a file, by way of a launcher's terminal"
ranks 2 audit pairs.h5 --fail-if 'gap.centroid_distance>0.1'
want_rc 1
ranks 2 simulate --model uniform --n 50 --d 4 -o once.h5
want_rc 0
want_line err "once.h5"

ranks 2 bench --n 300 --d 16 --json
want_rc 0
want_text out '"ranks": 2' '"ring"'

# ---------------------------------------------------------------- faults: one line, and nothing written
ranks 3 audit nothing.h5 -o none
want_rc 3
want_line err "nothing.h5: no such file"
ranks 2 audit bad.h5 -o none
want_rc 4
want_line err "bad.h5:/image: 3300 rows" "--drop-bad"
head -c 200000 ragged.h5 >cut.h5
# shellcheck disable=SC2016
mixed 3 'file=ragged.h5; [ "$RANK" = 2 ] && file=cut.h5; exec "$CONTRAGAP" audit "$file" -o none --threads 1'
want_rc 3
want_line err "rank 2 on " "cut.h5: truncated"
# shellcheck disable=SC2016
mixed 2 'room=2G; [ "$RANK" = 1 ] && room=20M; exec "$CONTRAGAP" audit ragged.h5 -o none --threads 1 --memory $room'
want_rc 5
want_line err "rank 1 on " "--memory allows 20M"

# shellcheck disable=SC2016
mixed 3 'file=ragged.h5; [ "$RANK" = 2 ] && file=cut.h5
  exec "$CONTRAGAP" audit "$file" -o none --threads 1 --pairs sampled --sample-rows 700'
want_rc 3
want_line err "rank 2 on " "cut.h5: truncated"

# one that dies: mpirun ends the others
run simulate --model clip --n 20000 --d 128 -o large.h5
# shellcheck disable=SC2016
mixed 3 '[ "$RANK" = 1 ] && { until [ -d none ]; do sleep 0.02; done; sleep 0.3; kill -9 $$; } &
  exec "$CONTRAGAP" audit large.h5 -o none --threads 1'
checks=$((checks + 1))
[ "$rc" -ne 0 ] || complain "a killed rank, and exit code 0"
# the launcher may end the others before one of them can speak (MPICH's at once): then its own line says who died
checks=$((checks + 1))
grep -Eq '^contragap: rank 1 on |process rank 1 with .* on node |PID [0-9]+ RUNNING AT ' launcher ||
  complain "nobody names the killed rank"
want_absent none/report.json none/rows.tsv none/figures

# the same for apply, which has a part of its own on the disk then; what stood there stays
run apply --method center large.h5 -o kept.h5
cp kept.h5 before.h5
for victim in 0 2; do
  export victim
  for _ in 1 2 3; do # a quick one may be through before it is killed
    # shellcheck disable=SC2016
    mixed 3 '[ "$RANK" = $victim ] && { until ls .contragap-*.tmp >/dev/null 2>&1; do sleep 0.02; done; kill -9 $$; } &
      exec "$CONTRAGAP" apply --method center large.h5 -o kept.h5 --threads 1'
    [ "$rc" -eq 0 ] || break
    run apply --method center large.h5 -o kept.h5
  done
  checks=$((checks + 1))
  [ "$rc" -ne 0 ] || complain "a killed rank, and exit code 0"
  cmp -s kept.h5 before.h5 || complain "kept.h5 is another file"
  [ -z "$mpich" ] || rm -f .contragap-*.tmp
  [ "$(find . -maxdepth 1 \( -name 'kept*' -o -name '.contragap-*' \) | wc -l)" -eq 1 ] || complain "left: $(ls -A)"
done

# ---------------------------------------------------------------- started the wrong way
last="separate processes"
OMPI_COMM_WORLD_SIZE=1 SLURM_STEP_NUM_TASKS=4 SLURM_NTASKS=4 "$CONTRAGAP" audit few.h5 >out 2>err
rc=$?
want_rc 2
want_line err "4 processes" "srun --mpi=pmix"
last="separate processes, and nothing by which they could meet"
for process in 0 3; do
  env -i SLURM_STEP_NUM_TASKS=4 SLURM_NTASKS=4 SLURM_PROCID=$process "$CONTRAGAP" audit few.h5 >"out$process" 2>"err$process"
  rc=$?
  want_rc 2
done
want_line err0 "4 processes" "srun --mpi=pmix" "--mpi=pmi2"
[ ! -s err3 ] || complain "each of them says it: $(cat err3)"
last="one process in a job of four tasks"
SLURM_NTASKS=4 "$CONTRAGAP" audit few.h5 >out 2>err
rc=$?
want_rc 0
want_line err "warning: Slurm has 4 tasks"

finish
