# What a reader decides by: the advice on the first screen of the terminal, in the JSON, in Markdown and on the page, and
# its commands, which run as they are printed.
. "$(dirname "$0")/lib.sh"
draw_nothing
mkdir bin
ln -s "$CONTRAGAP" bin/contragap
PATH=$work/bin:$PATH
export PATH
python=/usr/bin/python3

# advice ARGS…: `audit ARGS` prints it within the first 40 lines; its commands, one a line, are in the file commands
advice() {
  fine audit "$@"
  head -n 40 out | sed -n 's/^    \(contragap .*\)/\1/p' >commands
}

# word WANTED ARGS…: the word of the report
word() {
  wanted=$1
  shift
  fine audit "$@" --json
  cp out report.json
  works "$python" -c 'import json, sys; print(json.load(open("report.json"))["advice"]["word"])'
  want_text out "$wanted"
}

fine simulate -o "pairs of 400.h5" --model clip --n 400 --d 64
advice "pairs of 400.h5"
head -n 15 out >lead
want_text lead "The gap is severe" "What it costs: " "Advice: subtract the means. Tried on 80 images and 80 texts:" \
  "nDCG@10 in one mixed index" "recall@1, other modality" "Whom it hurts: "
want_text out "--all shows every measure"
checks=$((checks + 1))
[ "$(wc -l <out)" -le 45 ] || complain "$(wc -l <out) lines:" "$(cat out)"
fine audit "pairs of 400.h5" --all
want_text out "Search in one mixed index of all 800"
want_text commands "contragap apply --method center 'pairs of 400.h5' -o centered.h5" \
  "contragap train 'pairs of 400.h5' -o closed"
works sh -eu commands
want_file centered.h5 closed/head.h5
word "subtract the means" "pairs of 400.h5"
works "$python" "$here/report_schema.py" "$CONTRAGAP_SOURCE/src/report/report.schema.json" report.json
works "$python" -c '
import json
a = json.load(open("report.json"))["advice"]
c = a["center"]
assert c["images"] == c["texts"] == 80
assert "contragap train" in a["reason"] and a["command"].startswith("contragap apply")
for key in "corrected_distance", "mixed_ndcg_at_10", "recall_at_1":
    d = c["differences"][key]
    assert abs(d["value"] - c["after"][key]["value"] + c["before"][key]["value"]) < 1e-12
    assert d["ci95"][0] <= d["value"] <= d["ci95"][1]
assert c["before"]["corrected_distance"]["ci95"] and c["differences"]["mixed_ndcg_at_10"]["ci95"][0] > 0
'

# after the means are gone the modalities are still apart
word train centered.h5
want_text report.json "A gap stays" "contragap train"

# the page: the advice is in the first section, before the figures
fine audit "pairs of 400.h5" -o report
works "$python" -c '
page = open("report/report.html").read()
first = page[:page.index("id=\"figures\"")]
assert "Advice: subtract the means" in first
assert "<pre>contragap apply --method center &#39;pairs of 400.h5&#39; -o centered.h5</pre>" in first, first[-2000:]
'
fine audit "pairs of 400.h5" --markdown
want_text out "**Advice: subtract the means.**" "      contragap apply --method center"

# the input options go with it
fine convert "pairs of 400.h5" --format npy -o arrays
advice --image arrays/image.npy --text arrays/text.npy --unpaired
want_line commands "contragap apply --method center --image arrays/image.npy --text arrays/text.npy --unpaired -o centered.h5"
works sh -euc 'sed "s/$/ --force/" commands | sh -eu'
word "subtract the means" --image arrays/image.npy --text arrays/text.npy --unpaired
works "$python" "$here/report_schema.py" "$CONTRAGAP_SOURCE/src/report/report.schema.json" report.json
works "$python" -c 'import json; assert list(json.load(open("report.json"))["advice"]["center"]["after"]) == ["corrected_distance"]'

# under 300 images no head is named
fine simulate -o few.h5 --model clip --n 299 --d 64
advice few.h5
want_line commands "contragap apply --method center few.h5 -o centered.h5"
works sh -c '! grep train commands'

# no gap, and shuffled pairs
fine simulate -o none.h5 --model offset --h 0 --n 400 --d 64
word "nothing to do" none.h5
if "$python" -c 'import numpy' 2>/dev/null; then
  works "$python" -c 'import numpy; x = numpy.load("arrays/text.npy"); numpy.save("shuffled.npy", x[numpy.random.default_rng(1).permutation(len(x))])'
  word "look at the pairs first" arrays/image.npy shuffled.npy
fi

# last FILE COMMAND…: the command's last line on stderr says what it wrote
last() {
  wanted=$1
  shift
  fine "$@"
  tail -n 1 err >line
  want_text line "contragap: wrote $wanted"
}
last "sim.h5: 40 images" simulate -o sim.h5 --n 40 --d 8
last "report: report.json, rows.tsv and figures; open report/report.html" audit few.h5 -o report/ --force
last "bare: report.json and figures; open bare/report.html" audit few.h5 --unpaired -o bare
last "head: head.h5, history.jsonl, reports and figures; open head/report.html" train sim.h5 -o head --epochs 2
cp out table
last "moved.h5: 80 rows" apply head sim.h5 -o moved.h5
last "pair: compare.json and figures; open pair/report.html" compare sim.h5 moved.h5 -o pair
last "grid: sweep.csv, sweep.json, runs.jsonl and figures; open grid/report.html" sweep sim.h5 -o grid --epochs 1 --dim 4,8
last "sim.npys: 40 images" convert sim.h5 --format npy -o sim.npys
fine audit few.h5 -o report --force --quiet
[ ! -s err ] || complain "--quiet is not: $(cat err)"

# the same as JSON and as CSV, and nothing else on stdout
fine train sim.h5 -o head --force --epochs 2 --json
cp out printed
works cmp printed head/compare.json
fine sweep sim.h5 -o grid --force --epochs 1 --dim 4,8 --json
cp out printed
works cmp printed grid/sweep.json
fine sweep sim.h5 -o grid --force --epochs 1 --dim 4,8 --csv
cp out printed
works cmp printed grid/sweep.csv
fine train sim.h5 -o head --force --epochs 2 --csv --history-csv
cp out train.csv
want_file head/history.csv
fine compare head/before.json head/after.json --csv
cp out compare.csv
fine audit sim.h5 --csv
cp out audit.csv
fine audit sim.h5 -o report --force --json
cp out audit.json
works "$python" -c '
import csv, json
def read(name):
    return {row["measure"]: row for row in csv.DictReader(open(name))}
report, audit = json.load(open("audit.json")), read("audit.csv")
def at(value, key):
    for part in key.split("."):
        value = value[part]
    return value
for key, row in audit.items():
    scalar = at(report, key)
    assert (float(row["value"]) if row["value"] else None) == scalar["value"], key
    assert row["why"] == scalar.get("why", "") and int(row["n"]) == scalar["n"]
    if scalar["ci95"]:
        assert [float(row["ci95_low"]), float(row["ci95_high"])] == scalar["ci95"]
train, files = read("train.csv"), read("compare.csv")
measures = json.load(open("head/compare.json"))["measures"]
for key, row in train.items():
    d = at(measures, key)["differences"]["after"]
    assert row["after verdict"] == d["verdict"], key
    if d["value"] is not None:
        assert abs(float(row["after difference"]) - d["value"]) <= 1e-15 * abs(d["value"])
        assert float(row["after difference"]) == float(files[key]["after.json difference"]), key
    assert bool(row["after ci95_low"]) == bool(d["ci95"])
assert len(train) > 60
for name in "head/compare.json", "grid/sweep.json", "report/report.json", "head/before.json":
    assert json.load(open(name))["schema_version"] == 1
'
refused 2 "--json and --csv|give one" audit sim.h5 --json --csv
refused 2 "--csv and --markdown" audit sim.h5 --markdown --csv
refused 2 "--json and --csv" train sim.h5 -o other --json --csv
want_absent other
finish
