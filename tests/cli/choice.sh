# train chooses: what it leaves, what turns the choice off, that it can be repeated, and that its recommendation applies.
. "$(dirname "$0")/lib.sh"
draw_nothing
python=/usr/bin/python3

fine simulate -o pairs.h5 --model clip --n 300 --d 32
fine train pairs.h5 -o chosen --threads 1
tr '\n' ' ' <out >line # sentences are wrapped
want_text line "Recommended: " "240 held-out images" "which the choice never saw" "it helps" "Against center" "gained, " \
  "contragap apply chosen pairs.h5 -o closed.h5" "Before: The gap is severe" "measures more: "
checks=$((checks + 1))
[ "$(wc -l <out)" -le 40 ] || complain "$(wc -l <out) lines:" "$(cat out)"
head -n 15 out | tr '\n' ' ' >line # how bad, what to do, what it gains and how surely, whom it hurts
want_text line "The gap is severe" "Recommended: " "it helps: " "Search in the other modality: of " "contragap apply chosen"
fine train pairs.h5 -o printed --json
works "$python" -c 'import json; assert json.load(open("printed/compare.json"))["recommendation"] == json.load(open("printed/recommendation.json"))'
want_file chosen/head.h5 chosen/history.jsonl chosen/recommendation.json chosen/changes.tsv chosen/report.html \
  chosen/center.json chosen/after.json
want_absent chosen/checkpoint.bin
works "$python" -c '
import h5py, json
r = json.load(open("chosen/recommendation.json"))
names = [c["name"] for c in r["candidates"]]
assert r["goal"] == "mixed" and r["method"] in names and names[0] == "original" and len(set(names)) == len(names)
chosen = r["candidates"][names.index(r["method"])]
assert chosen["left_out"] is None and chosen["behind"] <= chosen["standard_error"]
after, before, center = (json.load(open(f"chosen/{n}.json")) for n in ("after", "before", "center"))
for name, report in ("chosen", after), ("before", before), ("center", center):
    assert r["test"][name]["corrected_distance"]["value"] == report["gap"]["corrected_distance"]["value"], name
d = r["test"]["differences"]
for key in "corrected_distance", "mixed_ndcg_at_10", "recall_at_1":
    for other in "before", "center":
        one = d["chosen_minus_" + other][key]
        want = r["test"]["chosen"][key]["value"] - r["test"][other][key]["value"]
        assert abs(one["value"] - want) < 1e-12 and one["ci95"][0] <= one["value"] <= one["ci95"][1]
assert r["test"]["chosen"]["corrected_distance"]["value"] <= 0.3 * r["test"]["before"]["corrected_distance"]["value"]
p = r["pilot"]
assert [i["items"] for i in p["mixed"]] == [100, 300, 600] and p["searches"] == 1000
assert len(p["learning_curve"]) == 3 and p["learning_curve"][2]["images"] == 240
assert r["cost"]["seconds_per_million_rows"] > 0
lines = [json.loads(l) for l in open("chosen/history.jsonl")]
assert {l["candidate"] for l in lines} <= set(names) and {l.get("fold", 0) for l in lines} >= {1}
options = json.loads(h5py.File("chosen/head.h5").attrs["options"])
assert options["candidate"] == r["method"], options
page = open("chosen/report.html").read()
assert page.index("Recommended: ") < page.index("id=\"result\"") and "<h2 id=\"pilot-title\">Pilot</h2>" in page
assert page.index("<pre>contragap apply") < page.index("<b>Who loses.</b>") < page.index("id=\"changes\"")
tiles = page[page.index("<dl class=\"tiles\""):page.index("</dl>")]
assert tiles.count("<div class=\"tile") == 4 and tiles.count("<b class=\"word\">") == 3 and "<dt>Cost</dt>" in tiles, tiles
assert "Clearly better (95" not in page and "aria-hidden=\"true\"><i class=\"" in page
'

# the same bits again, for other threads and from --resume
keep() {
  "$python" -c '
import h5py, json, sys
f = h5py.File(sys.argv[1] + "/head.h5")
rows = [f[k][()].tobytes().hex() for k in ("image/weight", "image/bias", "text/weight", "text/bias")]
r = json.load(open(sys.argv[1] + "/recommendation.json"))
for key in "cost", "command":
    del r[key]
print(rows, json.dumps(r))' "$1"
}
keep chosen >first
fine train pairs.h5 -o again --threads 3
keep again >second
works cmp first second
fine train pairs.h5 -o chosen --resume
keep chosen >third
works cmp first third
refused 3 "chosen|another run" train pairs.h5 -o chosen

# the recommendation applies, by folder and by head
fine apply chosen pairs.h5 -o folder.h5
fine apply chosen/head.h5 pairs.h5 -o head.h5
works "$python" -c '
import h5py
a, b = h5py.File("folder.h5"), h5py.File("head.h5")
assert (a["image"][()] == b["image"][()]).all() and (a["text"][()] == b["text"][()]).all()'

# options that say how to train turn it off; --select auto brings it back with that axis fixed
fine train pairs.h5 -o one --epochs 2 --seed 3
want_absent one/recommendation.json
want_file one/checkpoint.bin
refused 3 "one|head.h5|without a choice" train pairs.h5 -o one --resume
# a choice of other data, or with other options, is not replaced by --resume
refused 2 "chosen|other data or with other options" train pairs.h5 -o chosen --resume --seed 9
refused 2 "--goal|--select auto" train pairs.h5 -o other --goal mixed --loss clip
refused 2 "--history-csv|--select none" train pairs.h5 -o other --history-csv
want_absent other
fine train pairs.h5 -o none --select none --patience 1
want_absent none/recommendation.json
fine train pairs.h5 -o fixed --select auto --temperature 0.07 --head residual --val 0.15 --goal retrieval
works "$python" -c '
import json
r = json.load(open("fixed/recommendation.json"))
heads = [c["name"] for c in r["candidates"] if c["name"].startswith(("residual", "linear"))]
assert r["goal"] == "retrieval" and heads and all("temperature 0.07" in h and h.startswith("residual") for h in heads), heads'
refused 2 "--race|--select auto" train pairs.h5 -o race --race clip,cua --select auto
want_absent race

# no gap: nothing to do, and the head that is written changes nothing
fine simulate -o mixed.h5 --model uniform --n 200 --d 16
fine train mixed.h5 -o nothing
tr '\n' ' ' <out >line
want_text line "Recommended: nothing to do: of 23 candidates the embeddings have no gap beyond noise"
want_text nothing/report.html 'Recommended: nothing to do: ' 'as they are.</p>' '<h2 id="result-title">Next to center</h2>'
runs grep -c 'Who loses\|class="summary"' nothing/report.html
want_rc 1
fine apply nothing mixed.h5 -o same.h5
works "$python" -c '
import h5py, numpy as np
a, b = h5py.File("mixed.h5"), h5py.File("same.h5")
assert np.abs(a["image"][()] - b["image"][()]).max() < 1e-6'

# a batch that a fold has not is all of it; a file whose rows stay where they are is chosen for too
fine train pairs.h5 -o batch --select auto --batch 190 --head residual
fine simulate -o large.h5 --model clip --n 3000 --d 64
fine train large.h5 -o far --memory 90M --threads 3
fine train large.h5 -o near --threads 2
"$python" -c '
import json
a, b = (json.load(open(n + "/recommendation.json")) for n in ("far", "near"))
assert a["candidates"] == b["candidates"], "rows in the file, rows in memory"' || complain "other scores where rows stay in the file"

# class texts that are packed, read by several threads
works "$python" -c '
import h5py, numpy as np
r = np.random.default_rng(1)
c = r.normal(size=(20, 64))
labels = np.arange(400) % 20
with h5py.File("classes.h5", "w") as f:
    f.create_dataset("image", data=(c[labels] + r.normal(size=(400, 64)) + 2).astype("f4"), compression="gzip", chunks=(50, 64))
    f.create_dataset("class_text", data=(c + 0.3 * r.normal(size=(20, 64)) - 2).astype("f4"), compression="gzip", chunks=(4, 64))
    f["labels"] = labels'
for threads in 2 5; do
  fine train classes.h5 -o classes --force --threads $threads --hold-out-classes 0.2
done
tr '\n' ' ' <out >line
want_text line "accuracy, a mean over classes" "held-out classes in 5 folds"
finish
