# train: what it writes, that it goes on where it was killed, what it refuses.
. "$(dirname "$0")/lib.sh"
draw_nothing

quick="--epochs 8 --batch 32 --quiet"
fine simulate --model clip --n 150 --d 32 --seed 1 -o pairs.h5 --quiet
fine simulate --model clip --n 120 --d 32 --captions 3 --classes 6 --seed 2 -o classes.h5 --quiet

# what is written
# shellcheck disable=SC2086  # several words
fine train pairs.h5 -o closed $quick --all
want_text out "centroid distance" "change" "center" "cca" "seconds"
tr '\n' ' ' <out >line
want_text line "  corrected distance  " "  mixed nDCG@10  " "- center" "than center, which needs no training: mixed nDCG@10"
want_file closed/head.h5 closed/history.jsonl closed/before.json closed/after.json closed/center.json closed/shift.json \
  closed/whiten.json closed/procrustes.json closed/cca.json closed/compare.json closed/checkpoint.bin closed/report.html \
  closed/figures/history.tsv closed/figures/scatter_before_after.tsv
want_text closed/history.jsonl '"epoch":1,' '"epoch":8,' '"steps_per_second"' '"centroid_distance"'
want_text closed/compare.json '"baseline": "before"' '"kept_epoch"' '"procrustes"'
want_text closed/before.json '"centroid_distance"'
want_file closed/start.json
want_text closed/after.json '"trained_losses": "clip,uniform,align"'

# a gap that training opens comes first and is never better, however wide it was before; in a race too
run simulate --model clip --n 300 --d 16 --seed 1 -o opening.h5 --quiet
opening="--epochs 40 --patience 0 --batch full --lr 1e-2 --test 0.4 --quiet"
# shellcheck disable=SC2086
fine train opening.h5 -o opened --loss clip $opening
head -n 1 out >line
want_text line "The gap opens in training (after): corrected distance"
want_text opened/report.html "The gap opens in training (after)"
checks=$((checks + 1))
/usr/bin/python3 - <<'END' || complain "an opened gap is called better, or the start is not shown"
import json
c = json.load(open("opened/compare.json"))
after = [k for k in c["better"]["after"] if k.startswith("gap.")]
assert not after, after
start = c["measures"]["gap"]["corrected_distance"]["values"]["start"]["value"]
end = c["measures"]["gap"]["corrected_distance"]["values"]["after"]["value"]
assert start < 0.19 < end, (start, end)
clip = c["measures"]["loss"]["clip"]["differences"]
assert clip["after"]["trained_on"] and "trained_on" not in clip["center"], clip
END
# shellcheck disable=SC2086
fine train opening.h5 -o opened-race --race clip,cua $opening
head -n 1 out >line
want_text line "The gap opens in training (clip): corrected distance"
head -n 15 out | tr '\n' ' ' >line
want_text line "Conclusion: " "clip" "Before: The gap is"
# what matters in 40 lines at most, where not all is asked for
checks=$((checks + 1))
[ "$(wc -l <out)" -le 40 ] || complain "$(wc -l <out) lines:" "$(cat out)"
# head against center and start: what the reports say, paired intervals, an opened gap never better
checks=$((checks + 1))
/usr/bin/python3 - <<'END' || complain "a head against center or its start is not what the reports say"
import json
c = json.load(open("opened-race/compare.json"))
def values(name):
    r = json.load(open(f"opened-race/{name}.json"))
    mean = lambda *s: sum(x["value"] for x in s) / len(s)
    return {"corrected_distance": r["gap"]["corrected_distance"]["value"],
            "mixed_ndcg_at_10": mean(*(r["mixed_retrieval"][k]["ndcg_at_10"] for k in ("image_query", "text_query"))),
            "recall_at_1": mean(*(r["retrieval"][k]["recall_at_1"] for k in ("image_to_text", "text_to_image")))}
assert c["against"]["clip"]["opens"], c["against"]
for head in "clip", "cua":
    for rival in "center", "start":
        for key, d in c["against"][head][rival].items():
            assert abs(d["value"] - (values(head)[key] - values(rival)[key])) < 1e-9, (head, rival, key, d)
            assert d["ci95"][0] <= d["value"] <= d["ci95"][1] and d["ci95"][0] < d["ci95"][1], (head, rival, key, d)
            clear, higher = d["ci95"][0] > 0 or d["ci95"][1] < 0, d["value"] > 0
            want = "unclear" if not clear else "worse" if higher == (key == "corrected_distance") else "better"
            assert d["verdict"] == want or (c["against"][head]["opens"] and d["verdict"] == "opens"), (head, rival, key, d)
            assert not (c["against"][head]["opens"] and key == "corrected_distance" and d["verdict"] == "better")
END
# a loss that was trained on is marked among the better, here and where the head's rows are compared
fine train opening.h5 -o marked --loss clip --epochs 30 --lr 1e-2 --patience 0 --test 0.1 --quiet
fine apply marked/head.h5 opening.h5 -o marked.h5 --quiet
fine compare opening.h5 marked.h5 --all
want_text out "better*" "a loss that was trained on"
run compare opening.h5 marked.h5 --json
want_text out '"trained_on": true'

# zero-shot and arithmetic before and after, several captions an image
# shellcheck disable=SC2086
fine train classes.h5 -o classes $quick --race clip,cua --all
want_text out "top 1" "score (percent)"
want_file classes/clip-head.h5 classes/cua-head.h5 classes/clip.json classes/cua.json classes/figures/race.tsv
want_text classes/compare.json '"zero_shot"' '"arithmetic"'

# the same modality twice: no gap before
# shellcheck disable=SC2086
fine train pairs.h5 -o same $quick --same-modality image --head linear --dim 8
want_file same/head.h5
fine train pairs.h5 -o same-kind --epochs 1 --batch full --quiet --same-modality image
want_text same-kind/compare.json '"head": "linear"'

# --weight-* holds for every loss of a race
fine train pairs.h5 -o weighted --epochs 1 --batch full --quiet --race clip,cua --weight-align 0.25
works test "$(grep -c '"weight_align": 0.25' weighted/compare.json)" -eq 2

# every kind of head; the temperature learned; one batch of all
for head in linear residual mlp; do
  fine train pairs.h5 -o "kind-$head" --head $head --epochs 2 --batch full --learn-temperature --clip-norm 1 --quiet
done
fine train pairs.h5 -o tied --shared --start identity --epochs 2 --schedule constant --patience 0 --weight-align 0.5 --quiet

# the same seed: the same bytes, whatever the threads
for threads in 1 3; do
  # shellcheck disable=SC2086
  fine train pairs.h5 -o "threads$threads" $quick --seed 5 --threads $threads
done
works cmp threads1/head.h5 threads3/head.h5

# killed at any moment and resumed: the same bytes. Enough work for a second or so.
run simulate --model clip --n 600 --d 64 --seed 3 -o more.h5 --quiet
long="--batch 32 --epochs 150 --patience 0 --threads 1 --quiet"
# shellcheck disable=SC2086
fine train more.h5 -o whole $long
for tenths in 1 3 2 5 1 4 2 3; do
  # shellcheck disable=SC2086
  timeout -s KILL 0.$tenths "$CONTRAGAP" train more.h5 -o pieces --resume $long >/dev/null 2>&1
done
# shellcheck disable=SC2086
fine train more.h5 -o pieces --resume $long
works cmp whole/head.h5 pieces/head.h5
works test "$(wc -l <pieces/history.jsonl)" -eq 150

# asked to stop: a checkpoint, exit 130, and nothing lost
runs timeout --preserve-status -s INT 1 "$CONTRAGAP" train more.h5 -o stopped --batch 32 --epochs 100000 --patience 0 --quiet
want_rc 130
want_line err "interrupted" "--resume"
want_file stopped/checkpoint.bin

# a folder of another run
# shellcheck disable=SC2086
refused 3 "closed|another run|--resume|--force" train pairs.h5 -o closed $quick
# shellcheck disable=SC2086
fine train pairs.h5 -o closed $quick --force
refused 2 "checkpoint.bin|other options" train pairs.h5 -o closed --epochs 9 --batch 32 --resume
run simulate --model clip --n 150 --d 32 --seed 9 -o others.h5 --quiet
# shellcheck disable=SC2086
refused 2 "checkpoint.bin|other data" train others.h5 -o closed $quick --resume
# a folder of other runs: --force removes what they left and nothing else, --resume goes on with its own alone
cp -r weighted mixed
printf 'mine' | tee mixed/my-head.h5 mixed/old_history.jsonl mixed/x-checkpoint.bin >mixed/notes.txt
refused 3 "mixed|clip-head.h5|no checkpoint.bin|--force" train pairs.h5 -o mixed --epochs 1 --batch full --resume
fine train pairs.h5 -o mixed --epochs 1 --batch full --quiet --force
want_absent mixed/clip-head.h5 mixed/cua-checkpoint.bin mixed/clip.json mixed/cua-history.jsonl
want_file mixed/head.h5 mixed/after.json mixed/my-head.h5 mixed/old_history.jsonl mixed/x-checkpoint.bin mixed/notes.txt
refused 3 "holds head.h5|clip-checkpoint.bin" train others.h5 -o mixed --epochs 1 --batch full --resume --race clip,cua
rm mixed/checkpoint.bin
refused 3 "holds head.h5" train pairs.h5 -o mixed --epochs 1 --batch full --resume
refused 2 "diverged|epoch 0 is kept" train pairs.h5 -o mixed --lr 1e38 --epochs 1 --batch full --patience 0 --force
want_file mixed/head.h5
want_absent mixed/after.json mixed/compare.json mixed/report.html
fine apply mixed/head.h5 pairs.h5 -o finite.h5 --quiet

printf 'nothing' >closed/checkpoint.bin
# shellcheck disable=SC2086
refused 3 "checkpoint.bin|cut short" train pairs.h5 -o closed $quick --resume

# refusals: one line, nothing written
refuse() {
  want=$1
  word=$2
  shift 2
  run train "$@" -o refused
  want_rc "$want"
  want_line err "$word"
  want_absent refused
}
refuse 2 "--batch 999" pairs.h5 --batch 999
refuse 2 "105 texts" pairs.h5 --batch 999
refuse 2 "--batch many" pairs.h5 --batch many
refuse 2 "--dim 33" pairs.h5 --head linear --dim 33
refuse 2 "--dim 16" pairs.h5 --head residual --dim 16
refuse 2 "--temperature" pairs.h5 --temperature 0
refuse 2 "--temperature" pairs.h5 --temperature -1
refuse 2 "--lr" pairs.h5 --lr -1
refuse 2 "--val" pairs.h5 --val 0.5 --test 0.5
refuse 2 "from 0 to 0.5" pairs.h5 --val 0.6
refuse 2 "--patience" pairs.h5 --val 0
refuse 2 "weight" pairs.h5 --weight-clip 0 --weight-uniform 0 --weight-align 0
refuse 2 "--race" pairs.h5 --race clip,clap
refuse 2 "--loss" pairs.h5 --race clip,cua --loss cua
refuse 2 "--shared" pairs.h5 --same-modality image --shared
refuse 3 "missing.h5" missing.h5
refuse 5 "--memory" more.h5 --memory 300K
refuse 5 "smaller batch" more.h5 --memory 80M --head mlp --hidden 4096 --batch full
refuse 2 "105 images" pairs.h5 --train-images 106

# rows that do not fit into --memory stay in the file: the plan says so, the least that is named does, the process keeps
# below it, and the head and the reports are those of a run in memory
run simulate --model clip --n 40000 --d 256 --dtype float16 --seed 4 -o large.h5 --quiet
large="large.h5 --test 0.004 --val 0.004 --epochs 1 --batch 2048"
# shellcheck disable=SC2086
refused 5 "--memory allows 0M|give --memory" train $large --dry-run --memory 1K
least=$(sed -n 's/.*give --memory \([0-9]*M\).*/\1/p' err)
# shellcheck disable=SC2086
fine train $large --dry-run --memory "${least:-none}"
want_line out "rows stay in the file" "$least allowed"
want_absent least
# shellcheck disable=SC2086
run train $large --dry-run
want_line out "rows stay in memory"
# shellcheck disable=SC2086
fine train $large -o least --memory "$least" --quiet
peak=$(sed -n 's/.*"peak_memory_bytes": \([0-9]*\).*/\1/p' least/compare.json)
case $CONTRAGAP_BUILD in
*asan* | *san*) ;; # a sanitizer's shadow counts as memory
*) runs test "${peak:-9999999999}" -le $((${least%M} * 1048576)) ;;
esac
want_rc 0
# shellcheck disable=SC2086
fine train $large -o held --quiet
works cmp held/head.h5 least/head.h5
for report in before after whiten; do
  for folder in held least; do # what may differ stands under run
    sed '/^  "run": {/,/^  }/d' "$folder/$report.json" >"$folder-$report"
  done
  works cmp "held-$report" "least-$report"
done

run simulate --model clip --n 9 --d 8 -o nine.h5 --quiet
refuse 4 "9 images" nine.h5
refused 2 "-o DIR" train pairs.h5

# a rate without measure
ends 2 train pairs.h5 -o wild --lr 1e37 --schedule constant --batch 32
want_text err "diverged" "lower learning rate"
want_file wild/head.h5
# the batch script for Slurm takes a folder and any number of files, and goes on where there is a checkpoint
mkdir slurm
printf '#!/bin/sh\necho "$@"\n' >slurm/srun
chmod +x slurm/srun
sbatch() {
  works env PATH="$PWD/slurm:$PATH" SLURM_CPUS_PER_TASK=2 bash "$CONTRAGAP_SOURCE/samples/slurm/train.sbatch" "$@"
}
sbatch slurm/head one.h5 two.h5 --loss cuaxu
want_line out "contragap train -o slurm/head " " always one.h5 two.h5 --loss cuaxu"
mkdir slurm/head
: >slurm/head/checkpoint.bin
sbatch slurm/head one.h5 two.h5
want_line out " always --resume one.h5 two.h5"

finish
