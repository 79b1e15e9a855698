# What the figures of trainings and sweeps show is what their files say: the epoch that was kept, levels across panels
# against NumPy, single runs and means, one index and who loses against changes.tsv.
. "$(dirname "$0")/lib.sh"
python=/usr/bin/python3
"$python" -c 'import numpy, h5py' 2>/dev/null || skip "NumPy or h5py is not here (Debian: python3-numpy, python3-h5py)"

cat >table.py <<'END'
import csv, h5py, json, numpy as np
def table(path):
    """rows, and what the lines at the end say"""
    lines = open(path, encoding="utf-8").read().splitlines()
    about = dict(line[2:].split("\t", 1) for line in lines if line.startswith("# "))
    rows = list(csv.DictReader((l for l in lines if not l.startswith("# ")), delimiter="\t", quoting=csv.QUOTE_NONE))
    return rows, about
def near(a, b, what, rtol=1e-5):
    assert abs(float(a) - b) <= rtol * (1e-3 + abs(b)), (what, a, b)
unit = lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True)
END

cat >history.py <<'END'
from table import *
rows, about = table("closed/figures/history.tsv")
epochs = [json.loads(l) for l in open("closed/history.jsonl")]
kept = json.load(open("closed/compare.json"))["training"]["after"]["kept_epoch"]
assert 0 < kept < len(epochs), "the epoch that is kept is to be in the middle"
assert about["kept_1"] == about["kept_2"] == str(kept), about
gap = {int(r["x"]): float(r["y"]) for r in rows if r["panel"] == "centroid distance"}
assert sorted(gap) == list(range(len(epochs) + 1))
for e in epochs:
    near(gap[e["epoch"]], e["validation"]["centroid_distance"], "centroid distance")
# the noise floor of the validation part through the kept head
with h5py.File("pairs.h5") as f, h5py.File("closed/head.h5") as h:
    part = h["split"][:] == 1
    raw = [unit(f[m][:].astype(float))[part] for m in ("image", "text")]
    mapped = [unit(v + v @ h[m]["weight"][:].T.astype(float) + h[m]["bias"][:].astype(float)) for v, m in zip(raw, ("image", "text"))]
near(gap[kept], np.linalg.norm(mapped[0].mean(0) - mapped[1].mean(0)), "kept", 1e-4)
n = len(raw[0])
g = ((mapped[0] - mapped[0].mean(0)) - (mapped[1] - mapped[1].mean(0))) / n
assert (about["lines"], about["line_1_panel"], about["line_1_name"]) == ("1", "centroid distance", "noise floor")
near(about["line_1"], np.sqrt((g * g).sum() / (1 - 1 / n)), "noise floor", 1e-4)
# a race: the same rows before training, in each panel
rows, about = table("race/figures/race.tsv")
before = {about[f"line_{k}_panel"]: about[f"line_{k}"] for k in range(1, int(about["lines"]) + 1)}
assert set(before) == {about[f"panel_{k}"] for k in range(1, int(about["panels"]) + 1)}, before
near(before["centroid distance"], np.linalg.norm(raw[0].mean(0) - raw[1].mean(0)), "before")
near(before["L_Align"], ((raw[0] - raw[1]) ** 2).sum(1).mean(), "before")
c = raw[0] @ raw[1].T
near(before["recall@1"], ((c.argmax(1) == np.arange(n)).mean() + (c.argmax(0) == np.arange(n)).mean()) / 2, "before")
END

cat >changes.py <<'END'
from table import *
changes = list(csv.DictReader(open("closed/changes.tsv"), delimiter="\t"))
audits = {t: json.load(open(f"closed/{t}.json")) for t in ("before", "after")}
rows, about = table("closed/figures/one_index.tsv")
for query, direction in ("image", "image_to_text"), ("text", "text_to_image"):
    for t in audits:
        ranks = np.array([float(c["mixed_rank_" + t]) for c in changes if c["direction"] == direction])
        for r in rows:
            near(r[f"{query}_query_{t}"], (ranks <= float(r["rank"])).mean(), (query, t, r["rank"]))
        assert about[f"{query}_query_ndcg_{t}"] == "%.3f" % audits[t]["mixed_retrieval"][f"{query}_query"]["ndcg_at_10"]["value"]
assert float(rows[0]["rank"]) == 1 and all(float(rows[-1][k]) == 1 for k in rows[-1] if k != "rank")
rows, about = table("closed/figures/who_loses.tsv")
before, after = (np.array([float(c[k]) for c in changes]) for k in ("rank_before", "rank_after"))
for way, count in ("worse", (after > before).sum()), ("better", (after < before).sum()), ("same", (after == before).sum()):
    assert int(about[way]) == count == sum(int(r["queries"]) for r in rows if r["change"] == way), (way, count)
    for r in rows: # up to 10 each rank by itself
        if r["change"] == way and max(float(r["rank_before"]), float(r["rank_after"])) <= 10:
            assert int(r["queries"]) == ((before == float(r["rank_before"])) & (after == float(r["rank_after"]))).sum(), r
at_10 = json.load(open("closed/compare.json"))["changes"]["after"]["retrieval"]["both"]["at_10"]
assert (int(about["lost_at_10"]), int(about["gained_at_10"])) == (at_10["lost"], at_10["gained"])
END

cat >sweep.py <<'END'
from table import *
s = json.load(open("sweep/sweep.json"))
keys = {"centroid distance": ["gap.centroid_distance"], "recall@1": [f"retrieval.{k}.recall_at_1" for k in ("image_to_text", "text_to_image")]}
for axis in "dim", "loss":
    rows, about = table(f"sweep/figures/sweep-{axis}.tsv")
    values = [4, 8] if axis == "dim" else ["clip", "cua"]
    assert about.get("categories") == (None if axis == "dim" else "2"), about
    for panel, key in keys.items():
        for series in ("clip", "cua") if axis == "dim" else ("mean",):
            for place, v in enumerate(values):
                x = v if axis == "dim" else place
                runs = [np.mean([r["results"][k] for k in key]) for r in s["runs"]
                        if r["setting"][axis] == v and (axis == "loss" or r["setting"]["loss"] == series)]
                mine = [r for r in rows if r["panel"] == panel and float(r["x"]) == x]
                mean = [r for r in mine if r["series"] == series]
                assert len(mean) == 1 and len(runs) == (2 if axis == "dim" else 4)
                near(mean[0]["y"], np.mean(runs), (axis, panel, series, v))
                near(mean[0]["high"], np.mean(runs) + np.std(runs, ddof=1), (axis, panel, series, v))
                single = [float(r["y"]) for r in mine if r["series"] == "runs of " + series]
                assert np.allclose(sorted(single), sorted(runs), rtol=1e-7), (axis, panel, series, v)
rows, about = table("sweep/figures/map.tsv")
assert about["better"] == "lower" and len(rows) == 4
END

run simulate --model clip --n 160 --d 12 --seed 1 -o pairs.h5 --quiet
fine train pairs.h5 -o closed --select none --epochs 40 --patience 5 --lr 0.003 --batch 32 --quiet
fine train pairs.h5 -o race --race clip,cua --epochs 2 --batch 32 --quiet
works "$python" history.py
works "$python" changes.py
# another epoch, another rank do not pass
sed 's/^# kept_1	.*/# kept_1	0/' closed/figures/history.tsv >moved && mv moved closed/figures/history.tsv
runs "$python" history.py
want_rc 1
sed 's/^\(image_to_text	[0-9]*	[^	]*	[^	]*	[^	]*	\).*/\199/' closed/changes.tsv >moved && mv moved closed/changes.tsv
runs "$python" changes.py
want_rc 1
want_text closed/report.html 'id="figure-one_index"' 'id="figure-who_loses"' 'id="figure-history"'
fine sweep pairs.h5 -o sweep --dim 4,8 --loss clip,cua --seeds 1,2 --epochs 2 --batch 32 --quiet
works "$python" sweep.py
finish
