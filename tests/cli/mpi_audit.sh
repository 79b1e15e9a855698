#!/bin/sh
# Audits under a launcher give what one process gives: of all pairs, of a sample, in bfloat16. SHORT=1: on one number of
# ranks each, the greatest.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib_mpi.sh"
draw_nothing

fine simulate --model clip --n 9 --d 8 -o few.h5

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
  fine audit "$@" -o "$name-1"
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
  fine audit "$@" --json
  mv out "$name-1.json"
  for count in $counts; do
    ranks "$count" audit "$@" --json
    want_rc 0
    mv out "$name-$count.json"
    want_report "$name-1.json" "$name-$count.json"
  done
}

# ---------------------------------------------------------------- the audit
same pairs "2 3 4" pairs.h5 # zero-shot, arithmetic, captions; not divisible
same few "2 4" few.h5       # fewer rows than ranks have tiles
same ragged "2 4" ragged.h5 # float16 and float32, texts anywhere, equal rows
same bad "3" bad.h5 --drop-bad
same holes "4" holes.h5 --drop-bad
same merged "3" holes.h5 --drop-bad --merge-images # equal images, of which one is another rank's
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
  # each rank knows its own rows alone: pairs by row; rows left out or merged; a sample that has all that are left
  same sampled-straight "2 4" straight.h5 $sampled
  same_values sampled-lean "3" straight.h5 $sampled
  same sampled-holes "3 4" holes.h5 --drop-bad $sampled
  same_values sampled-merged "2 4" holes.h5 --drop-bad --merge-images $sampled
  same_values sampled-alone "3" holes.h5 --drop-bad --unpaired $sampled
  same_values sampled-wide "2 3" two.h5 $sampled # widths differ: each modality by itself
  same_values sampled-rest "3" holes.h5 --drop-bad --unpaired --pairs sampled --sample-rows 3298
}
want_text sampled-pairs-4.json '"method": "sampled"' '"zero_shot"' '"arithmetic"'
# of pairs by row a rank has its part: twice as many need less, by 40 bytes a pair and more
needed() {
  ranks "$1" audit empty.h5 --pairs sampled --sample-rows 700 --memory 1M --json
  sed -n 's/.*needs \([0-9]*\)M at least.*/\1/p' err | head -n 1
}
two=$(needed 2)
four=$(needed 4)
checks=$((checks + 1))
[ $((two - four)) -ge 15 ] || complain "two ranks need ${two}M each, four ${four}M"
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
want_line out "all pairs" "4 ranks of 1 thread"
# all ranks take the choice of one
ranks 2 audit empty.h5 --dry-run
want_rc 0
want_line out "a sample of" "all pairs would be done in about" "2 ranks of 1 thread"
# shellcheck disable=SC2086
ranks 2 audit pairs.h5 --pairs auto --sample-rows 700 --json -v
want_rc 0
want_text err "all pairs," "2 ranks of 1 thread"

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

finish
