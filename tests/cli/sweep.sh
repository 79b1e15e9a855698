# sweep: a grid, its files, going on, what it refuses.
. "$(dirname "$0")/lib.sh"

run simulate --model clip --n 100 --d 16 --seed 1 -o pairs.h5 --quiet
grid="--dim 4,8 --temperature 0.02,0.1 --loss clip,cua --seeds 1,2 --epochs 2 --batch 32 --quiet"
# shellcheck disable=SC2086  # several words
fine sweep pairs.h5 -o sweep $grid
want_text out "dim" "temperature" "distance" "means over 2 seeds" " before " " center " " start "
head -n 1 out >line
want_text line "Conclusion: --loss "
tr '\n' ' ' <out >line
want_text line "than center, which needs no training: mixed nDCG@10" "Best first, by the mean of mixed nDCG@10 and recall@1 on the test part" \
  "rank  loss" "Brackets of the conclusion: 95 % confidence intervals."
# each head against center and its start: differences of the runs' own numbers, means over seeds, the same in all forms
checks=$((checks + 1))
/usr/bin/python3 - <<'END' || complain "a head against center or its start is not what the runs say"
import csv, json
s = json.load(open("sweep/sweep.json"))
keys = {"corrected_distance": ["gap.corrected_distance"],
        "mixed_ndcg_at_10": [f"mixed_retrieval.{k}_query.ndcg_at_10" for k in ("image", "text")],
        "recall_at_1": [f"retrieval.{k}.recall_at_1" for k in ("image_to_text", "text_to_image")]}
value = lambda numbers, key: sum(numbers[k] for k in keys[key]) / len(keys[key])
assert len(s["runs"]) == 16
for run in s["runs"]:
    for rival in "center", "start":
        for key, d in run["against"][rival].items():
            want = value(run["results"], key) - value(run["references"][rival], key)
            assert abs(d["value"] - want) < 1e-9 and d["ci95"][0] <= d["value"] <= d["ci95"][1], (run["setting"], rival, key)
for mean in s["means"]:
    seeds = [r for r in s["runs"] if all(r["setting"][a] == v for a, v in mean["setting"].items())]
    assert len(seeds) == 2
    for rival in "center", "start":
        for key, d in mean["against"][rival].items():
            for name, of in (("value", lambda x: x["value"]), ("low", lambda x: x["ci95"][0]), ("high", lambda x: x["ci95"][1])):
                want = sum(of(r["against"][rival][key]) for r in seeds) / 2
                assert abs(of(d) - want) < 1e-9, (mean["setting"], rival, key, name)
by_seed = {}
for run in s["runs"]: # what does not depend on the head is the same for all heads of a seed
    assert by_seed.setdefault(run["setting"]["seed"], run["references"]["center"]) == run["references"]["center"]
# the ranking: a number of the test part, recomputed from the runs; those that open the gap last, equals share a rank
score = lambda run: (value(run["results"], "mixed_ndcg_at_10") + value(run["results"], "recall_at_1")) / 2
place = lambda entry: (entry["opens_gap"], -entry["score"])
order = [place(e) for e in s["ranking"]]
assert len(order) == 8 and order == sorted(order)
for entry in s["ranking"]:
    seeds = [r for r in s["runs"] if all(r["setting"][a] == v for a, v in entry["setting"].items())]
    assert len(seeds) == 2 and abs(entry["score"] - sum(map(score, seeds)) / 2) < 1e-12
    assert entry["opens_gap"] == (sum(r["against"]["opens"] for r in seeds) == 2)
    assert entry["rank"] == 1 + order.index(place(entry))
assert s["conclusion"].startswith("Conclusion: ") and "never saw" in s["criterion"]
# numbers are numbers
assert s["axes"]["dim"] == [4, 8] and s["axes"]["temperature"] == [0.02, 0.1] and s["axes"]["loss"] == ["clip", "cua"]
for run in s["runs"] + [json.loads(line) for line in open("sweep/runs.jsonl")]:
    assert run["setting"]["dim"] in (4, 8) and run["setting"]["seed"] in (1, 2) and run["setting"]["temperature"] in (0.02, 0.1)
rows = list(csv.DictReader(open("sweep/sweep.csv")))
for row, run in zip(rows, s["runs"]):
    assert float(row["gap.rmg"]) == run["results"]["gap.rmg"] # all digits
    assert int(row["rank"]) == next(e["rank"] for e in s["ranking"] if all(run["setting"][a] == v for a, v in e["setting"].items()))
for row, run in zip(rows, s["runs"]):
    assert abs(float(row["recall_at_1_minus_center"]) - run["against"]["center"]["recall_at_1"]["value"]) < 1e-7
END
want_file sweep/sweep.csv sweep/sweep.json sweep/runs.jsonl sweep/figures/sweep-dim.tsv sweep/figures/sweep-temperature.tsv \
  sweep/figures/map.tsv
works test "$(wc -l <sweep/sweep.csv)" -eq 17
want_text sweep/sweep.json '"means"' '"sd"' '"axes"' '"measures"' '"n": 2'
runs grep '"seed": 0' sweep/sweep.json
want_rc 1
# the page: whole in one file, what was varied and seen, a line a point, the figures inline
want_text sweep/report.html '<html lang="en">' 'Varied: ' 'dim (4, 8)' 'temperature (0.02, 0.1)' '2 seeds each, 16 runs' \
  'Along dim, the gap (centroid distance): under clip it ' 'under cua it ' 'The gap moves most with --' 'What to do: ' 'standard deviation over 2 seeds' 'id="definitions"' 'sweep pairs.h5' '</html>'
runs grep -E '(src|href|xlink:href)="(https?:)?//' sweep/report.html
want_rc 1
runs grep -c '<td class="n" data-v="[-0-9.e]*">[-0-9.]* ± ' sweep/report.html
works test "$(cat out)" -eq 8
if command -v gnuplot >/dev/null; then
  runs grep -c '<svg ' sweep/report.html
  works test "$(cat out)" -eq 4
fi
cp sweep/sweep.csv first.csv

# half of the runs are lost, the last line is cut: the same numbers come back
head -n 7 sweep/runs.jsonl >half
printf '{"setting": ' >>half
cp half sweep/runs.jsonl
# shellcheck disable=SC2086
fine sweep pairs.h5 -o sweep $grid --resume
works test "$(wc -l <sweep/runs.jsonl)" -eq 16
# seconds differ, nothing else
cut -d, -f 1-13,15- first.csv | sort >one
cut -d, -f 1-13,15- sweep/sweep.csv | sort >two
works cmp one two

# a file of an earlier version, whose settings are texts: read, and its runs taken
cp sweep/runs.jsonl kept
/usr/bin/python3 -c 'import json, sys
for line in sys.stdin:
    run = json.loads(line)
    run["setting"] = {key: str(value) for key, value in run["setting"].items()}
    print(json.dumps(run))' <kept >sweep/runs.jsonl
works test "$(grep -c '"dim": "[48]"' sweep/runs.jsonl)" -eq 16
# shellcheck disable=SC2086
fine sweep pairs.h5 -o sweep $grid --resume
works test "$(wc -l <sweep/runs.jsonl)" -eq 16
cut -d, -f 1-13,15- sweep/sweep.csv | sort >two
works cmp one two
cp kept sweep/runs.jsonl

# a damaged line that is not the last, or nothing that can be read: refused by its number, and nothing is lost
cp sweep/runs.jsonl kept
damage() {
  word=$1
  shift
  "$@" <kept >sweep/runs.jsonl
  cp sweep/runs.jsonl damaged
  # shellcheck disable=SC2086
  refused 3 "sweep/runs.jsonl|$word" sweep pairs.h5 -o sweep $grid --resume
  works cmp damaged sweep/runs.jsonl
}
damage "line 2: no JSON" sed '2s/^{/[/'
damage "line 16: no JSON" sed '16s/}$//' # its end is there
damage "line 3: no JSON" sed '3s/^.*$//'
damage "line 5: no measures" sed '5s/"results":{[^}]*}/"results":{}/'
damage "line 5: gap.rmf is no measure" sed '5s/gap\.rmg/gap.rmf/'
damage "line 5: gap.rmg is no measure, or its value no number" sed '5s/"gap\.rmg":/"gap.rmg":"0","was":/'
damage "line 5: no JSON" sed '5s/dim/\x00im/'
damage "line 4: no run of a sweep" sed '4s/"options"/"option"/'
damage "line 7: no run of a sweep" sed '7s/^.*$/[1,2]/'
damage "line 17: no JSON" sh -c 'cat; printf "\n"'
rm sweep/runs.jsonl && mkdir sweep/runs.jsonl
# shellcheck disable=SC2086
refused 3 "sweep/runs.jsonl" sweep pairs.h5 -o sweep $grid --resume
rmdir sweep/runs.jsonl
# line ends of another system, and a whole last line without one, are whole lines
sed 's/$/\r/' kept >sweep/runs.jsonl
# shellcheck disable=SC2086
fine sweep pairs.h5 -o sweep $grid --resume
works test "$(wc -l <sweep/runs.jsonl)" -eq 16
head -c -1 kept >sweep/runs.jsonl
# shellcheck disable=SC2086
fine sweep pairs.h5 -o sweep $grid --resume
works cmp kept sweep/runs.jsonl

# only runs of the present options count: others, and values that the grid has no more, stay in runs.jsonl alone
fine sweep pairs.h5 -o sweep --dim 4 --temperature 0.02 --loss clip,cua --seeds 1,2 --epochs 1 --batch 32 --quiet --resume
works test "$(wc -l <sweep/runs.jsonl)" -eq 20
runs awk -F, 'NR > 1 && ($5 != 4 || $15 != 1) { exit 1 } END { exit NR != 5 }' sweep/sweep.csv
want_rc 0

# a value spelled otherwise is the same run
fine sweep pairs.h5 -o spelled --loss clip --seeds 1 --noise 0.1 --epochs 1 --quiet
fine sweep pairs.h5 -o spelled --loss clip --seeds 1 --noise 0.10,0.2 --epochs 1 --quiet --resume
want_text out "0.10"
cp out table
runs grep -i nan table
want_rc 1
works test "$(grep -c , spelled/sweep.csv) $(wc -l <spelled/runs.jsonl) $(grep -c '^1,,0.10,' spelled/sweep.csv)" = "3 2 1"

# the runs of another file are not this one's
run simulate --model clip --n 100 --d 16 --seed 2 -o another.h5 --quiet
cp spelled/runs.jsonl kept
refused 2 "spelled/runs.jsonl|other data" sweep another.h5 -o spelled --loss clip --seeds 1 --noise 0.10,0.2 --epochs 1 --quiet --resume
works cmp kept spelled/runs.jsonl

# the spread of recall@1 is that of the mean of both directions in each run
fine sweep pairs.h5 -o spread --loss clip --seeds 1,2,3 --epochs 1 --quiet
cp out table
runs awk -F, '
  NR == 1 { for (k = 1; k <= NF; k++) { if ($k ~ /retrieval.image_to_text.recall_at_1$/) a = k; if ($k ~ /retrieval.text_to_image.recall_at_1$/) b = k } }
  NR > 1 { r = ($a + $b) / 2; sum += r; squares += r * r; n++ }
  END { printf "%.4f ±%.4f\n", sum / n, sqrt((squares - sum * sum / n) / (n - 1)) }' spread/sweep.csv
cp out wanted
want_text table "$(cat wanted)"

# a setting that cannot be is found before anything is trained or emptied
refused 2 "--batch 50" sweep pairs.h5 -o spread --loss clip --seeds 1 --train-images 60,20 --batch 16,50 --epochs 1 --quiet --force
works test "$(wc -l <spread/runs.jsonl)" -eq 3

# a run that diverges is written down, and the others are made
fine sweep pairs.h5 -o steep --loss clip --seeds 1 --dim 4,8 --noise 0,0.5 --lr 1e30 --batch 16 --epochs 2 --patience 0 --quiet
want_text err "run 1 of 4" "diverged"
works test "$(grep -c '"why":"training diverged.*"gap.centroid_distance":null' steep/runs.jsonl)" -eq 4
want_file steep/sweep.csv steep/report.html
fine sweep pairs.h5 -o steep --loss clip --seeds 1 --dim 4,8 --noise 0,0.5 --lr 1e30 --batch 16 --epochs 2 --patience 0 --quiet --resume
want_text out "n/a"
want_text steep/report.html ">n/a<"

# where there is no room for a whole line, none of it stays
# shellcheck disable=SC2016  # the inner shell's
runs sh -c 'trap "" XFSZ; ulimit -f 12; "$0" sweep pairs.h5 -o small --dim 4,8 --loss clip,cua --seeds 1,2 --epochs 1 --quiet' "$CONTRAGAP"
want_rc 5
want_line err "small/runs.jsonl" "cannot write"
want_file small/runs.jsonl
runs grep -v '}$' small/runs.jsonl
want_rc 1
works test -z "$(tail -c 1 small/runs.jsonl)"

# other axes
fine sweep pairs.h5 -o others --loss cua --seeds 1 --batch 16,full --noise 0,0.5 --train-images 30,60 --weight-align 0,1 --epochs 1 --quiet
want_file others/figures/sweep-noise.tsv others/figures/sweep-batch.tsv others/figures/sweep-train-images.tsv

want_text others/report.html 'batch (16, full)' 'is lowest,' 'One run per line'
# names stand on the axis, not numbers in their place; three values of one ratio make a logarithmic axis
want_text others/figures/sweep-batch.tsv "# category_2	full" "# categories	2"
if command -v gnuplot >/dev/null; then
  want_text others/figures/sweep-batch.svg ">full<"
fi
fine sweep pairs.h5 -o axes --loss cua --seeds 1 --head linear,residual --temperature 0.05,0.1,0.2 --train-images 30,60 --epochs 1 --quiet
if command -v gnuplot >/dev/null; then
  want_file axes/figures/map.svg # of gaps below 0.5
fi
want_text axes/figures/sweep-temperature.tsv "# log_x	1"
want_text axes/figures/sweep-head.tsv "# category_1	linear" "# category_2	residual"
runs grep log_x axes/figures/sweep-train-images.tsv
want_rc 1
works test "$(grep -c '"head":"residual","start":"center"' axes/runs.jsonl)" -eq 6

# a head is by default what train makes of the same options: residual, and linear where dimensions are named
fine sweep pairs.h5 -o alike --loss cua --seeds 0 --epochs 1 --quiet
fine train pairs.h5 -o alone --select none --seed 0 --epochs 1 --quiet
want_text alike/runs.jsonl '"head":"residual","start":"center"'
checks=$((checks + 1))
/usr/bin/python3 - <<'END' || complain "sweep and train do not default alike"
import json
run = json.loads(open("alike/runs.jsonl").readline())
after = json.load(open("alone/after.json"))
assert run["results"]["gap.rmg"] == after["gap"]["rmg"]["value"], (run["results"]["gap.rmg"], after["gap"]["rmg"])
END
fine train pairs.h5 -o small-dim --dim 4 --epochs 1 --quiet

# one setting; a name that is no HTML
cp pairs.h5 'a "q" <b>&.h5'
fine sweep 'a "q" <b>&.h5' -o seeds --loss cua --seeds 1,2 --epochs 1 --quiet
want_text seeds/report.html 'Only the seed varied' 'a &quot;q&quot; &lt;b&gt;&amp;.h5'
runs grep -F '<b>' seeds/report.html
want_rc 1

# shellcheck disable=SC2086
refused 3 "another sweep|--resume" sweep pairs.h5 -o sweep $grid
refuse() {
  want=$1
  word=$2
  shift 2
  run sweep pairs.h5 -o refused "$@"
  want_rc "$want"
  want_line err "$word"
  want_absent refused
}
refuse 2 "--dim 17" --dim 8,17
refuse 2 "--loss clap" --loss clip,clap
refuse 2 "--seeds 5" --seed 5
refuse 2 "--epochs 3" --steps 10 --epochs 3
refuse 2 "is given twice" --seeds 1,1
refuse 2 "an empty value" --dim 4,,8
refuse 2 "--temperature" --temperature 0.1,warm
finish
