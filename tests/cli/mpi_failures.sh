#!/bin/sh
# What ranks say and how they fail: rank 0 alone talks, a rank that fails or dies ends the job with one line and leaves no
# output, and a wrong start is refused.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib_mpi.sh"

fine simulate --model clip --n 9 --d 8 -o few.h5

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
  complain "the killed rank is not named"
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
  [ -z "$mpich" ] || rm -f .contragap-*.tmp .contragap-*.lock # it kills all ranks; what is left is no trouble
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
