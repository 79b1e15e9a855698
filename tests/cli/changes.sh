# Which queries and classes get worse: changes.tsv, classes.tsv and compare.json of train against NumPy, which passes the
# test part through head.h5 itself: ragged captions, images without a text, equal rows. Ids, file names and captions in
# tables, on pages and in tooltips, whatever letters they hold.
. "$(dirname "$0")/lib.sh"
python=/usr/bin/python3
"$python" -c 'import numpy, h5py' 2>/dev/null || skip "NumPy or h5py is not here (Debian: python3-numpy, python3-h5py)"

cat >make.py <<'END'
import h5py, numpy as np
r = np.random.default_rng(0)
N, D, C = 160, 12, 5
means = r.normal(size=(N, D))
own = np.append(np.repeat(np.arange(N), r.integers(0, 4, N)), [3, 59])
r.shuffle(own)
image = means + 0.9 * r.normal(size=(N, D)) + 1
text = means[own] + 0.9 * r.normal(size=(len(own), D)) - 1
image[20:40:2] = image[21:40:2]
text[30:60:2] = text[31:60:2]
label = r.integers(0, C, N)
caption = [f"caption {j}\tof image\n{o} \x1b[31mé\u202e!\u200b\u3164.\ufeff" for j, o in enumerate(own)]
caption[0] = "\"quoted\" <script>alert('x')</script> & more"
caption[1] = "it's line\u2028two"
data = [c.encode() for c in caption]
data[2] = b"latin \xe9"
with h5py.File("named.h5", "w") as f:
    f["image"], f["text"], f["text_image"], f["labels"] = image, text, own, label
    f["class_text"] = np.stack([means[label == c].mean(0) for c in range(C)])
    f["class_names"] = np.array(["air port", "beach", "c", "d", "e"], "S")
    f["image_filename"] = np.array([f"a/{i:03d}.jpg" for i in range(N)], "S")
    f.create_dataset("caption", data=data, dtype=h5py.string_dtype())
with h5py.File("bare.h5", "w") as f:
    f["image"], f["text"], f["text_image"] = image, text, own
with h5py.File("ids.h5", "w") as f: # captions (N, k) of texts (N, k, d); whole numbers as ids
    f["image"], f["text"] = image, np.stack([image + 0.5, image - 0.5], 1)
    f["image_id"] = np.arange(N) * 7 + 1000
    f.create_dataset("captions", data=np.array([[f"{i}a", f"{i}b"] for i in range(N)], object), dtype=h5py.string_dtype())
END
works "$python" make.py

cat >check.py <<'END'
"""check.py FOLDER: the tables and compare.json of a training on named.h5."""
import csv, json, math, sys
import h5py, numpy as np
folder = sys.argv[1]
unit = lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True)
with h5py.File("named.h5") as f, h5py.File(folder + "/head.h5") as h:
    part = h["split"][:]
    rows = {k: unit(f[k][:].astype(float)) for k in ("image", "text", "class_text")}
    own, label = f["text_image"][:], f["labels"][:]
    through = {k: unit(v + v @ h[m]["weight"][:].T.astype(float) + h[m]["bias"][:].astype(float))
               for k, v in rows.items() for m in ["image" if k == "image" else "text"]}
images, texts = np.flatnonzero(part == 2), np.flatnonzero(part[own] == 2)
mine = own[texts]

def ranks(x, y, other, mine_of, other_of, siblings):
    """of each query x among y (and, where other is given, among its own kind too)"""
    out = []
    for q, o in zip(x, mine_of):
        s, pos = y @ q, other_of == o
        if not pos.any():
            out.append(np.nan)
            continue
        best = s[pos].max()
        rest = s[~pos] if other is None else np.append(s[~pos], (other @ q)[siblings != o])
        tie = np.abs(rest - best) <= 1e-9
        out.append(1 + (rest[~tie] > best).sum() + tie.sum() / 2)
    return np.array(out)

def all_ranks(r):
    x, y = r["image"][images], r["text"][texts]
    return {("image_to_text", 0): ranks(x, y, None, images, mine, None), ("text_to_image", 0): ranks(y, x, None, mine, images, None),
            ("image_to_text", 1): ranks(x, y, x, images, mine, images), ("text_to_image", 1): ranks(y, x, y, mine, images, mine)}

before, after = all_ranks(rows), all_ranks(through)
table = list(csv.DictReader(open(folder + "/changes.tsv", newline="", encoding="utf-8"), delimiter="\t"))
changes = json.load(open(folder + "/compare.json"))["changes"]["after"]
assert np.isnan(before["image_to_text", 0]).any(), "every image has a text"
halves = 0
for way, row in (("image_to_text", images), ("text_to_image", texts)):
    lines = [l for l in table if l["direction"] == way]
    there = ~np.isnan(before[way, 0])
    assert [int(l["row"]) for l in lines] == list(row[there]), way
    for mixed in 0, 1:
        key = "mixed_rank_" if mixed else "rank_"
        for when, want in (("before", before), ("after", after)):
            got = np.array([float(l[key + when]) for l in lines])
            assert (got == want[way, mixed][there]).all(), (way, mixed, when)
            halves += (got % 1 != 0).sum()
        b, a = before[way, mixed][there], after[way, mixed][there]
        name = {"image_to_text": "image_query", "text_to_image": "text_query"}[way] if mixed else way
        for k in 1, 10:
            flips = changes["mixed_retrieval" if mixed else "retrieval"][name][f"at_{k}"]
            lost, gained = int(((b <= k) & (a > k)).sum()), int(((b > k) & (a <= k)).sum())
            assert (flips["queries"], flips["lost"], flips["gained"]) == (len(b), lost, gained), (name, k, flips)
            if way == "image_to_text": # each image asks once
                p = min(1, 2 * sum(math.comb(lost + gained, i) for i in range(min(lost, gained) + 1)) / 2 ** (lost + gained))
                assert abs(flips["p"] - p) < 1e-9, (name, k, flips, p)
assert halves > 4, "no ties to test"
drop = sorted((1 / float(l["rank_before"]) - 1 / float(l["rank_after"]) for l in table), reverse=True)
worst = [1 / q["rank"][0] - 1 / q["rank"][1] for q in changes["queries"]]
assert worst and np.allclose(worst, [d for d in drop[:20] if d > 0]), (worst, drop[:20])
# classes
lines = list(csv.DictReader(open(folder + "/classes.tsv", newline="", encoding="utf-8"), delimiter="\t"))
assert [l["name"] for l in lines] == ["air port", "beach", "c", "d", "e"], lines
ps = []
for c, l in enumerate(lines):
    at = images[label[images] == c]
    right = {}
    for when, r in (("before", rows), ("after", through)):
        right[when] = (r["image"][at] @ r["class_text"].T).argmax(1) == c
        assert abs(float(l["top_1_" + when]) - right[when].mean()) < 1e-9, (c, when)
        gap = np.linalg.norm(r["image"][at].mean(0) - r["class_text"][c])
        assert abs(float(l["gap_" + when]) - gap) < 1e-5, (c, when, gap)
    lost, gained = int((right["before"] & ~right["after"]).sum()), int((~right["before"] & right["after"]).sum())
    assert (int(l["images"]), int(l["lost"]), int(l["gained"])) == (len(at), lost, gained), l
    ps.append(min(1, 2 * sum(math.comb(lost + gained, i) for i in range(min(lost, gained) + 1)) / 2 ** (lost + gained)))
    assert abs(float(l["p"]) - ps[-1]) < 1e-8
order, high = np.argsort(ps, kind="stable"), 0
for step, c in enumerate(order):
    high = max(high, min(1, (len(ps) - step) * ps[c]))
    assert abs(float(lines[c]["p_holm"]) - high) < 1e-8, (c, lines[c], high)
# the figure of the classes: where each lost image goes
through_classes = {when: (r["image"][images] @ r["class_text"].T).argmax(1) for when, r in (("before", rows), ("after", through))}
own_class = label[images]
lost = (through_classes["before"] == own_class) & (through_classes["after"] != own_class)
lines = open(folder + "/figures/confusion.tsv", encoding="utf-8").read().splitlines()
about = dict(l[2:].split("\t", 1) for l in lines if l.startswith("# "))
cells = [l.split("\t") for l in lines[1:] if not l.startswith("# ")]
assert {(int(a), int(b)): int(n) for a, b, _, _, n in cells} == {
    (a, b): int((lost & (own_class == a) & (through_classes["after"] == b)).sum())
    for a in range(5) for b in range(5) if (lost & (own_class == a) & (through_classes["after"] == b)).any()}, cells
assert cells and int(about["lost"]) == lost.sum() == sum(int(l["lost"]) for l in json.load(open(folder + "/compare.json"))["changes"]["after"]["classes"])
for a, b, column, row, n in cells:
    names = ["air port", "beach", "c", "d", "e"]
    assert (about["row_" + row], about["column_" + column]) == (names[int(a)], names[int(b)])
    assert about["lost_" + row] == f"{(lost & (own_class == int(a))).sum()} of {(own_class == int(a)).sum()}"
# names: no control character, one line each, and what a reader of such tables makes of quotes
with h5py.File("named.h5") as f:
    caption, file = f["caption"][:], f["image_filename"][:]
for l in table:
    row = int(l["row"])
    if l["direction"] == "image_to_text":
        assert l["name"] == file[row].decode()
    elif row > 2:
        assert l["name"] == f"caption {row} of image {own[row]}  [31mé !  .", l
END
fine train named.h5 -o closed --epochs 8 --batch 32 --test 0.4 --quiet
want_text out "Search in the other modality: of" "gained" "lost at 10 (p" "In one index of both: of" "Classes:"
want_file closed/changes.tsv closed/classes.tsv
works "$python" check.py closed
want_text closed/report.html "Who loses" "Classes that lose most" "Queries that lose most" "no longer find their partner first" "<td>a/"
# another program's tables do not pass
cp closed/changes.tsv kept.tsv
works "$python" -c 'import re; t = open("closed/changes.tsv").read(); open("closed/changes.tsv", "w").write(re.sub(r"\t1\.0\t", "\t2.0\t", t, count=1))'
runs "$python" check.py closed
want_rc 1
cp kept.tsv closed/changes.tsv

# a race has a table for each loss, and --force removes them
fine train named.h5 -o race --race clip,cua --epochs 2 --batch 32 --quiet
want_file race/clip-changes.tsv race/cua-changes.tsv race/cua-classes.tsv
want_absent race/changes.tsv
fine train bare.h5 -o race --epochs 2 --batch 32 --quiet --force
want_file race/changes.tsv
want_absent race/clip-changes.tsv race/cua-classes.tsv race/classes.tsv
head -n 1 race/changes.tsv >line
works grep -qx "direction	row	rank_before	rank_after	mixed_rank_before	mixed_rank_after" line
# a file of that name that is not ours stays
mkdir mine
echo mine >mine/changes.tsv
refused 3 "mine|changes.tsv|--force" train bare.h5 -o mine --epochs 2 --batch 32

# info, audit: what names the rows, and where it stands
fine info named.h5
want_text out "named.h5:/image_filename" "named.h5:/caption" "named.h5:/class_names"
fine info bare.h5
runs grep -q "^names" out
want_rc 1
fine audit named.h5 -o report --quiet
cat >names.py <<'END'
import csv, json, re
rows = list(csv.DictReader(open("report/rows.tsv", newline="", encoding="utf-8"), delimiter="\t"))
assert rows[0]["text_name"] == "\"quoted\" <script>alert('x')</script> & more", rows[0]
assert rows[1]["text_name"] == "it's line two" and rows[2]["text_name"] == "latin ?", rows[1:3]
assert all(r["image_name"] == f"a/{int(r['image']):03d}.jpg" for r in rows)
for pair in json.load(open("report/report.json"))["pairs"]["worst"]:
    assert pair["image_name"] == f"a/{pair['image']:03d}.jpg" and pair["text_name"] == rows[pair["text"]]["text_name"]
raw = open("report/rows.tsv", "rb").read()
assert not re.search(rb"[\x00-\x08\x0b-\x1f]", raw), "a control character"
assert not re.search("[\u202e\u200b\u3164\ufeff]", raw.decode()), "a hidden character"
assert raw.count(b"\n") == len(rows) + 1
page = open("report/report.html", encoding="utf-8").read()
assert "<script>alert" not in page and "a/003.jpg" in page
import shutil
if shutil.which("gnuplot"):
    assert re.search(r"<title>image row \d+, cosine of the pair -?0\.\d+: a/\d{3}\.jpg</title>", page), "no name in a tooltip"
    assert re.search(r"<title>text row 0, [^<]*: ″quoted″ ‹script›alert\(’x’\)‹/script› \+ more</title>", page), "no caption"
END
works "$python" names.py
fine audit ids.h5 -o ids --quiet
sed -n 1,3p ids/rows.tsv | cut -f 6,7 >line
printf 'image_name\ttext_name\n1000\t0a\n1000\t0b\n' >want
works cmp line want
# the schema knows names
if "$python" -c 'import jsonschema' 2>/dev/null; then
  works "$python" "$here/report_schema.py" "$CONTRAGAP_SOURCE/src/report/report.schema.json" report/report.json closed/after.json
fi

finish
