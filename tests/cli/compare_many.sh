# compare of three inputs or more: one table, marks, names, series, forms, page; and the lines of the README.
. "$(dirname "$0")/lib.sh"
PYTHON=/usr/bin/python3

"$PYTHON" - <<'END' || exit 99
import h5py, numpy as np
r = np.random.default_rng(5)
n, d = 150, 16
means = r.normal(size=(n, d)) + .3
axis = np.eye(d)[0]
noise = [r.normal(size=(n, d)) for _ in range(2)]
def put(name, image, text, **more):
    with h5py.File(name, "w") as f:
        f["image"], f["text"] = image.astype("f4"), text.astype("f4")
        for key, value in more.items():
            f[key] = value
ids = dict(image_id=7 * np.arange(n), text_image_id=7 * np.arange(n))
# the gap closes by steps, and the rows get nearer to what they mean
for k, step in enumerate((100, 200, 400, 1600)):
    put("ckpt_%d.h5" % step, *(means + (1.6 - .4 * k) * noise[s] + (1, -1)[s] * (1.5 - .4 * k) * axis for s in range(2)), **ids)
put("worse.h5", *(means + 1.7 * noise[s] + (1, -1)[s] * 2 * axis for s in range(2)), **ids)
turn = np.linalg.qr(r.normal(size=(d, d)))[0]
first = h5py.File("ckpt_100.h5")
put("turned.h5", first["image"][:] @ turn, first["text"][:] @ turn, **ids)
put("other.h5", *(r.normal(size=(n, d)) + (1, -1)[s] * axis for s in range(2)))
for name in ("ckpt_100", "ckpt_1600"):
    for side in ("image", "text"):
        np.save("%s-%s.npy" % (name, side), h5py.File(name + ".h5")[side][:])
END

# one screen: sentences, a table of at most twenty measures, and what the marks mean, in 80 columns
all="ckpt_100.h5 ckpt_200.h5 ckpt_400.h5 ckpt_1600.h5 worse.h5"
# shellcheck disable=SC2086
fine compare $all
# the sentences as one line
tr '\n' ' ' <out >line
want_text line "Gap: corrected distance: ckpt_1600 is best" "significantly better than each of the others" "*:" \
  "ckpt_1600   ckpt_400   ckpt_200   ckpt_100      worse" "Significantly best: ckpt_1600 at" "Holm's correction within each measure" \
  "All inputs are of the same rows (their ids, file names or captions are the same)"
checks=$((checks + 1))
[ "$(wc -l <out)" -le 40 ] || complain "$(wc -l <out) lines are more than a screen"
"$PYTHON" - <<'END' || complain "a line is wider than 80 columns, or ends with a blank"
for line in open("out", encoding="utf-8"):
    assert len(line) <= 81 and not line.endswith(" \n"), line
END
cp out by-distance
fine compare turned.h5 worse.h5 ckpt_1600.h5 other.h5 --sort retrieval.text_to_image.recall_at_1
tr '\n' ' ' <out >line
want_text line "Of 6 pairs of inputs 3 have the same rows"
checks=$((checks + 1))
grep -q '^ *ckpt_1600  *turned' out || complain "not sorted by recall: $(cat out)"

# the JSON: values and marks as in the table, differences as the pairs have them
# shellcheck disable=SC2086
fine compare $all --json
cp out many.json
fine compare ckpt_400.h5 ckpt_1600.h5 --json
cp out two.json
fine compare ckpt_400.h5 ckpt_1600.h5 --json --independent
cp out independent.json
# shellcheck disable=SC2086
fine compare $all --json --all
cp out many-all.json
# shellcheck disable=SC2086
fine compare $all --json --independent --all
cp out many-independent.json
checks=$((checks + 1))
"$PYTHON" - <<'END' || complain "the JSON is not what the inputs say"
import json
from statistics import NormalDist
def value_of(report, key):
    at = report["measures"]
    for name in key.split("."):
        at = at[name]
    return at["differences"]["ckpt_1600.h5"]
many, two = json.load(open("many.json")), json.load(open("two.json"))
assert many["order"] == ["ckpt_1600.h5", "ckpt_400.h5", "ckpt_200.h5", "ckpt_100.h5", "worse.h5"], many["order"]
assert [i["same_rows"] for i in many["inputs"]] == [None] + 4 * ["known"]
assert len(many["measures"]) == 20 and many["sorted_by"] == "gap.corrected_distance"
tests = []
def check(measures, pair):
    agreed = 0
    for m in measures:
        values = {v["input"]: v["value"] for v in m["values"] if v["value"] is not None}
        for d in m["differences"]:
            assert abs(values[m["best"]] - values[d["input"]] - d["value"]) < 1e-9
            if d["ci95"]:
                inside = d["ci95"][0] <= 0 <= d["ci95"][1]
                assert inside == (d["p"] >= 0.05), (m["key"], d)
            if (m["best"], d["input"]) == ("ckpt_1600.h5", "ckpt_400.h5"):
                same = value_of(pair, m["key"])
                assert abs(same["value"] - d["value"]) < 1e-12 and (same["ci95"] or None) == d["ci95"], (m["key"], same, d)
                agreed += 1
        if m["key"] != "uniformity.cross" and m["best"]:
            best = min if m["better"] == "lower" else max
            assert values[m["best"]] == best(values.values()), m["key"]
        tested = [d["p_holm"] is not None and d["p_holm"] < 0.05 for d in m["differences"]]
        assert m["significant"] == (m["best"] is not None and all(tested)), m["key"]
    assert agreed > 5, agreed
check(many["measures"], two)
tested = 0
for m in many["measures"]: # Holm's procedure for each measure alone
    p = sorted((d["p"], d["p_holm"]) for d in m["differences"] if d["p"] is not None)
    level = 0
    for rank, (alone, corrected) in enumerate(p):
        level = max(level, min(1, (len(p) - rank) * alone))
        assert abs(level - corrected) < 1e-12, m["key"]
    tested += len(p)
assert many["comparisons"] == tested
check(json.load(open("many-independent.json"))["measures"], json.load(open("independent.json")))
assert "--independent says so" in json.load(open("many-independent.json"))["rows"]
# --all changes no mark
alone, all_of = (json.load(open(name))["measures"] for name in ("many.json", "many-all.json"))
assert len(all_of) > len(alone)
assert {m["key"] for m in alone if m["significant"]} == {m["key"] for m in all_of if m["significant"]} & {m["key"] for m in alone}
marked = [m["key"] for m in many["measures"] if m["significant"]]
assert "gap.corrected_distance" in marked, marked
assert open("by-distance", encoding="utf-8").read().count("*") == len(marked) + 1
END

# the same data turned, and given twice: nothing differs, nothing is marked
fine compare ckpt_100.h5 turned.h5 ckpt_100.h5
want_text out "No input is significantly best" "No difference could be tested" "ckpt_100.h5 (2)"

# names; two arrays are one input; an existing file whose name has signs is one
fine compare A=ckpt_100-image.npy,ckpt_100-text.npy B=ckpt_1600-image.npy,ckpt_1600-text.npy C=worse.h5 --json
cp out named
"$PYTHON" - <<'END' || complain "two arrays are not what their file is"
import json
named, many = json.load(open("named")), json.load(open("many.json"))
assert named["order"] == ["B", "A", "C"]
of = lambda report, name: {m["key"]: v["value"] for m in report["measures"] for v in m["values"] if v["input"] == name}
assert of(named, "A")["gap.corrected_distance"] == of(many, "ckpt_100.h5")["gap.corrected_distance"]
END
cp worse.h5 'A=odd,name.h5'
fine compare 'A=odd,name.h5' ckpt_100.h5
want_text out "A=odd,name.h5"
fine compare old=ckpt_100.h5 new=ckpt_1600.h5
want_text out "The gap narrows from old to new"
fine audit ckpt_200.h5 -o report --quiet
fine compare first=report ckpt_100.h5 third=report/report.json --csv
want_text out "measure,better,first,first ci95_low" ",best,next,significant,difference" "ckpt_100.h5,ckpt_100.h5 ci95_low"
refused 2 "two inputs are named A" compare A=ckpt_100.h5 A=ckpt_200.h5
refused 2 "A=: no source" compare A= ckpt_200.h5
refused 2 "both arrays" compare A=ckpt_100-image.npy, ckpt_200.h5
refused 3 "missing-text.npy" compare A=ckpt_100-image.npy,missing-text.npy ckpt_200.h5
refused 2 "--image" compare A=ckpt_100-image.npy,ckpt_100-text.npy ckpt_200.h5 --image /image

# a series over its number, in the order of the numbers
fine compare ckpt_1600.h5 ckpt_200.h5 ckpt_100.h5 ckpt_400.h5 --series -o series --quiet
tr '\n' ' ' <out >line
want_text line "at the start of the series (ckpt_100)" "at its end (ckpt_1600)" "ckpt_100   ckpt_200   ckpt_400  ckpt_1600"
want_text series/figures/series.tsv "# log_x" "ckpt_1600	1600	"
fine compare ckpt_200.h5 ckpt_100.h5 --series --json
want_text out '"number": 200.0' '"sorted_by": "number"'
refused 2 "no number in the name worse.h5" compare ckpt_100.h5 worse.h5 ckpt_200.h5 --series
refused 2 "--pairwise|--series" compare ckpt_100.h5 ckpt_200.h5 --series --pairwise
refused 2 "--sort gap.corrected|did you mean" compare ckpt_100.h5 ckpt_200.h5 --sort gap.corrected_distanc

# more than six are rows
fine compare ckpt_100.h5 ckpt_200.h5 ckpt_400.h5 ckpt_1600.h5 worse.h5 turned.h5 other.h5
checks=$((checks + 1))
grep -q '^ckpt_1600  *0\.' out || complain "seven inputs are no rows: $(head -n 20 out)"
"$PYTHON" - <<'END' || complain "a line is wider than 80 columns"
assert max(len(line) for line in open("out", encoding="utf-8")) <= 81
END

# the long form, and --fail-if against the first
fine compare ckpt_100.h5 ckpt_200.h5 worse.h5 --pairwise
want_text out "from ckpt_100.h5 to ckpt_200.h5" "from ckpt_100.h5 to worse.h5"
refused 1 "gap.corrected_distance|worse.h5" compare ckpt_100.h5 ckpt_200.h5 worse.h5 --fail-if 'gap.corrected_distance>0.05'

# other documents: five columns of LaTeX compile into one page
# shellcheck disable=SC2086
fine compare $all --latex
want_text out '\toprule' '\textbf{' 'ckpt\_1600 & ckpt\_400'
if command -v pdflatex >/dev/null; then
  { printf '\\documentclass{article}\\usepackage[utf8]{inputenc}\\usepackage{booktabs}\\begin{document}\\noindent\n'
    cat out
    printf '\\end{document}\n'; } >table.tex
  works pdflatex -interaction=nonstopmode table.tex
  runs grep -c "Overfull" table.log
  want_rc 1
fi
# shellcheck disable=SC2086
fine compare $all --markdown
want_text out '| measure | ckpt\_1600 | ckpt\_400 |' '| corrected distance | **'

# the page: whole in one file, one figure, and the figure has a dot for each input and measure
# shellcheck disable=SC2086
fine compare $all -o many --quiet
want_text many/report.html '<html lang="en">' 'id="result"' 'id="measures"' 'id="differences"' 'id="definitions"' '</html>' \
  'ckpt_1600 is best' ' *</b></td>' 'the darker a cell, the nearer to the best of its line' 'style="--near:40%"><b>'
runs grep -E '(src|href|xlink:href)="(https?:)?//' many/report.html
want_rc 1
if command -v gnuplot >/dev/null; then
  want_file many/figures/overview.svg
  runs grep -c '<svg ' many/report.html
  want_text out 1
  checks=$((checks + 1))
  dots=$(grep -c "<use xlink:href='#gpPt[56]' transform" many/figures/overview.svg)
  [ "$dots" -eq 100 ] || complain "$dots dots, not 100"
fi
fine compare ckpt_100.h5 ckpt_1600.h5 -o many --quiet
want_absent many/figures/overview.tsv

# other modalities, widths and numbers of modalities: what no input of all has is called by its place, and has no mark
"$PYTHON" -c 'import numpy as np
for k, name in enumerate(("audio", "video", "text")):
    np.save(name + ".npy", np.load("ckpt_1600-%s.npy" % ("text" if k == 2 else "image")) + .01 * k)
np.save("wider.npy", np.hstack([np.load("text.npy")] * 2))'
fine compare A=ckpt_100-image.npy,ckpt_100-text.npy B=audio.npy,text.npy C=video.npy,text.npy
tr '\n' ' ' <out >line
want_text line "Uniformity: first" "recall@1, first to text" "The inputs call their modalities differently"
runs grep '[{}]' line
want_rc 1
works "$CONTRAGAP" audit audio.npy -o alone --quiet
works "$CONTRAGAP" audit audio=audio.npy text=text.npy -o narrow --quiet
works "$CONTRAGAP" audit audio=audio.npy text=wider.npy -o wide --quiet
works "$CONTRAGAP" audit audio=audio.npy text=text.npy video=video.npy -o three --quiet
fine compare narrow wide alone
want_text err "texts: narrow has d = 16, wide has d = 32"
want_text out "Uniformity: audio" "depend on d"
fine compare ckpt_100.h5 ckpt_1600.h5 alone
tr '\n' ' ' <out >line
want_text line "ckpt_1600 is best" "significantly better than each of the others that have a value"
refused 4 "a report of 3 modalities" compare three narrow
refused 4 "no pair audio-foo" compare three:audio-foo narrow
fine compare three:audio-text narrow
want_text out "same"

# the lines of the README
cp ckpt_100.h5 clip.h5
cp ckpt_400.h5 siglip.h5
cp ckpt_1600.h5 blip.h5
mkdir checkpoints
cp ckpt_*.h5 checkpoints
for k in 1 2; do
  cp ckpt_100-image.npy img$k.npy
  cp ckpt_1600-text.npy txt$k.npy
done
grep '^contragap compare' "$CONTRAGAP_SOURCE/README.md" >lines
want_file lines
while read -r line; do
  runs sh -c "contragap() { \"\$CONTRAGAP\" \"\$@\"; }; $line"
  want_rc 0
done <lines
finish
