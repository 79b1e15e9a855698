# audit of three modalities and more: every pair as the audit of two has it, the matrix and the pool as numpy has them,
# figures and page, thresholds over pairs, ids.
. "$(dirname "$0")/lib.sh"
OMP_NUM_THREADS=2
export OMP_NUM_THREADS
python=/usr/bin/python3
"$python" -c 'import numpy, h5py' 2>/dev/null || skip "h5py is not here (Debian: python3-h5py)"

# known gaps
fine simulate -o known.h5 --modalities 3 --n 600 --d 32 --h 0.6
want_text err "image-text 0.4472" "image-audio 0.6325" "text-audio 0.7211" \
  "contragap audit image=known.h5:/image text=known.h5:/text audio=known.h5:/audio"
refused 2 "--modalities 9|between 2 and 8" simulate -o no.h5 --modalities 9
refused 2 "model clip has two" simulate -o no.h5 --modalities 3 --model clip
refused 2 "at least 6 dimensions" simulate -o no.h5 --modalities 4 --d 5
want_absent no.h5
fine audit image=known.h5:/image text=known.h5:/text audio=known.h5:/audio --json
cp out known.json
"$python" - <<'END' || complain "the gaps of simulate are not those that it says"
import json
m = json.load(open("known.json"))["matrix"]["corrected_distance"]
want = [[None, .4472136, .6324555], [.4472136, None, .7211103], [.6324555, .7211103, None]]
assert all(w is None and g is None or abs(g - w) < 1e-4 for a, b in zip(m, want) for g, w in zip(a, b)), m
END

# rows that overlap, with ties in float16
"$python" - <<'END' || exit 99
import h5py, numpy as np
r = np.random.default_rng(5)
n, d = 300, 16
u = r.normal(size=(n, d))
for k, name in enumerate(("image", "text", "audio", "video")):
    x = u + 1.2 * r.normal(size=(n, d))
    x[:, k] += 1.5
    x[n - 6:] = x[:6]
    np.save(name + ".npy", x.astype("f2"))
base = np.arange(n)
for name in ("image", "text", "audio"):
    rows = r.permutation(n)[:n - 20]
    x = np.load(name + ".npy")
    with h5py.File(name + ".h5", "w") as f:
        f["emb"], f["id"] = x[rows], 1000 + rows
    np.save(name + "_rows.npy", rows)
rows = {k: np.load(k + "_rows.npy") for k in ("image", "text", "audio")}
common = [i for i in rows["image"] if i in rows["text"] and i in rows["audio"]]
for name in rows:
    np.save(name + "_common.npy", np.load(name + ".npy")[common])
with h5py.File("twice.h5", "w") as f:
    f["emb"], f["id"] = np.load("text.npy")[:50], [b"a%d" % (i % 49) for i in range(50)]
with h5py.File("other.h5", "w") as f:
    f["emb"], f["id"] = np.load("text.npy")[:50], np.arange(50)
with h5py.File("wide.h5", "w") as f:
    f["emb"] = r.normal(size=(n, d + 1))
END

# every pair has the bits of its own audit; matrix and pool are numpy's
four="image=image.npy text=text.npy audio=audio.npy video=video.npy"
# shellcheck disable=SC2086
fine audit $four --json
cp out four.json
for pair in "image text" "image audio" "image video" "text audio" "text video" "audio video"; do
  # shellcheck disable=SC2086
  set -- $pair
  fine audit "$1=$1.npy" "$2=$2.npy" --json
  cp out "$1-$2.json"
done
cat >check.py <<'END'
import itertools, json
import numpy as np
report = json.load(open("four.json"))
names = ["image", "text", "audio", "video"]
assert [m["name"] for m in report["modalities"]] == names
keys = {"corrected_distance": ("gap.corrected_distance",) * 2, "noise_floor": ("gap.noise_floor",) * 2,
        "linear_separability": ("gap.linear_separability",) * 2, "mmd2": ("gap.mmd2",) * 2,
        "recall_at_1": ("retrieval.image_to_text.recall_at_1", "retrieval.text_to_image.recall_at_1"),
        "mixed_ndcg_at_10": ("mixed_retrieval.image_query.ndcg_at_10", "mixed_retrieval.text_query.ndcg_at_10"),
        "mutual_knn": ("agreement.mutual_knn",) * 2, "cka": ("agreement.cka",) * 2}


def get(pair, key):
    for part in key.split("."):
        pair = pair[part]
    return pair["value"]


for i, j in itertools.combinations(range(4), 2):
    name = names[i] + "-" + names[j]
    pair, alone = report["pairs"][name], json.load(open(name + ".json"))
    for key, (there, back) in keys.items():
        assert report["matrix"][key][i][j] == get(alone, there) and report["matrix"][key][j][i] == get(alone, back), key
        assert report["matrix"][key][i][i] is None
    for left_out in ("run", "input"):
        del pair[left_out], alone[left_out]
    assert pair == alone, [k for k in alone if pair.get(k) != alone[k]]

x = [np.load(n + ".npy").astype("f8") for n in names]
x = [a / np.linalg.norm(a, axis=1, keepdims=True) for a in x]
n = len(x[0])
for i, j in itertools.combinations(range(4), 2):
    gap = np.linalg.norm(x[i].mean(0) - x[j].mean(0))
    floor = np.sqrt(np.trace(np.cov((x[i] - x[j]).T)) / n)
    assert abs(report["matrix"]["noise_floor"][i][j] - floor) < 1e-6
    assert abs(report["matrix"]["corrected_distance"][i][j] - np.sqrt(gap**2 - floor**2)) < 1e-6
    s = x[i] @ x[j].T
    right = np.diag(s)[:, None]
    above, ties = (s > right + 1e-12).sum(1), (abs(s - right) <= 1e-12).sum(1) - 1
    assert abs(report["matrix"]["recall_at_1"][i][j] - np.mean(1 + above + ties / 2 <= 1)) < 1e-9
pool = np.concatenate(x)
s = np.minimum(1, np.rint(pool @ pool.T * 1e12) / 1e12)
np.fill_diagonal(s, -2)
nearest = np.argsort(-s, axis=1, kind="stable")[:, :10]
own = (nearest // n == np.arange(4 * n)[:, None] // n).mean(1)
mixed = report["mixed"]
assert abs(mixed["same_modality_share"]["value"] - own.mean()) < 1e-9, (mixed["same_modality_share"], own.mean())
for k, name in enumerate(names):
    assert abs(mixed[name]["value"] - own[k * n:(k + 1) * n].mean()) < 1e-9, name
assert abs(mixed["unbiased"]["value"] - (n - 1) / (4 * n - 1)) < 1e-12
assert len(report["verdict"]["sentences"]) == 6 and "advice" not in report
END
works "$python" check.py

# valid by its schema
fine --help-schema many
cp out schema.json
if "$python" -c 'import jsonschema' 2>/dev/null; then
  works "$python" "$here/report_schema.py" schema.json four.json known.json
fi
refused 2 "no schema two" --help-schema two

# the screen, and other forms
# shellcheck disable=SC2086
fine audit $four
want_text out "4 modalities of 300 rows" "The widest gap is" "text-video: " "Corrected distance" "  by chance "
# shellcheck disable=SC2086
fine audit $four --csv
want_text out "a,b,measure,value,ci95_low,ci95_high,n,method,why" "image,text,gap.corrected_distance," \
  "audio,video,agreement.cka," ",,mixed.same_modality_share,"
# shellcheck disable=SC2086
fine audit $four --markdown
want_text out "### Contrastive gaps of image, text, audio, video" "| audio | "
# shellcheck disable=SC2086
fine audit $four --latex
want_text out '\begin{tabular}{lrrrr}' '\bottomrule'
# shellcheck disable=SC2086
fine audit $four --dry-run
want_text out "image-text: plan: 300 images" "audio-video: plan: "

# the folder; the line is README's
sed -n 's/.*`\(contragap audit image=[^`]* -o gaps\)`.*/\1/p' "$CONTRAGAP_SOURCE/README.md" >line
want_text line "image=" "text=" "audio=" " -o gaps"
mkdir bin
ln -s "$CONTRAGAP" bin/contragap
cp image.npy img.npy
cp text.npy txt.npy
cp audio.npy aud.npy
last=$(cat line)
PATH=$work/bin:$PATH sh -eu line >out 2>err || complain "README's line failed" "$(cat err)"
want_text err "wrote gaps: report.json, rows.tsv and figures"
want_file gaps/report.json gaps/rows.tsv gaps/report.html gaps/figures/matrix.tsv gaps/figures/matrix.gp \
  gaps/figures/modalities.tsv gaps/figures/modalities.gp
runs head -n 1 gaps/rows.tsv
want_line out "index	row_image	row_text	row_audio	cosine_image-text	cosine_image-audio	cosine_text-audio"
runs sh -c 'wc -l <gaps/rows.tsv'
want_line out 301
want_text gaps/report.html "grid-template-columns: repeat(" "The widest gap is" '<summary>text-audio</summary>' 'id="matrix"'
if command -v gnuplot >/dev/null 2>&1; then
  want_file gaps/figures/matrix.svg gaps/figures/modalities.svg
  want_text gaps/report.html 'id="figure-matrix"' 'id="figure-modalities"' 'audio row 3<'
  fine plot gaps --format png
  want_file gaps/figures/matrix.png
fi
# an audit of two takes its place, and leaves nothing of it
fine audit image=image.npy text=text.npy -o gaps
want_absent gaps/figures/matrix.svg gaps/figures/modalities.tsv
want_file gaps/figures/scatter.tsv

# thresholds over pairs
three="image=image.npy text=text.npy audio=audio.npy"
# shellcheck disable=SC2086
fine audit $three --fail-if 'pairs.image-text.gap.corrected_distance>1.9' --json
want_text out '"test": "pairs.image-text.gap.corrected_distance>1.9"'
# shellcheck disable=SC2086
refused 1 "threshold crossed: text-audio: gap.corrected_distance" audit $three --json \
  --fail-if 'pairs.text-audio.gap.corrected_distance>0.01'
# shellcheck disable=SC2086
ends 1 audit $three --fail-if 'pairs.*.retrieval.image_to_text.recall_at_1<1'
# shellcheck disable=SC2086
ends 4 audit $three --fail-if 'pairs.image-text.zero_shot.top_1<1'
want_text err "cannot be tested: image-text: zero_shot.top_1 is not in this report"
# shellcheck disable=SC2086
fine audit $three --fail-if 'pairs.image-text.zero_shot.top_1<1' --allow-missing
# shellcheck disable=SC2086
refused 2 "name the pair, as in pairs.image-text.gap" audit $three --fail-if 'gap.corrected_distance>0.5'
# shellcheck disable=SC2086
refused 2 "no pair 'text-image'" audit $three --fail-if 'pairs.text-image.gap.corrected_distance>0.5'
# shellcheck disable=SC2086
refused 2 "no measure 'nix'" audit $three --fail-if 'pairs.image-text.nix>0.5'

# ids: the rows that all have, in the order of the first; rows are counted as the files have them
fine audit image=image.h5 text=text.h5 audio=audio.h5 --json
want_text err "image: " " of 280 rows are left out"
cp out ids.json
fine audit image=image_common.npy text=text_common.npy audio=audio_common.npy --json
cp out common.json
"$python" - <<'END' || complain "rows paired by ids are not those rows"
import json
import numpy as np
a, b = json.load(open("ids.json")), json.load(open("common.json"))
assert a["matrix"] == b["matrix"] and a["mixed"] == b["mixed"] and a["modalities"] == b["modalities"]
assert a["input"]["pairing"] == "by id" and b["input"]["pairing"] == "by row"
rows = {k: np.load(k + "_rows.npy") for k in ("image", "text", "audio")}
for name in a["pairs"]:
    i, j = name.split("-")
    for worst in a["pairs"][name]["pairs"]["worst"]:
        assert rows[i][worst["image"]] == rows[j][worst["text"]]
END
refused 4 "twice.h5:/id: duplicate id \"a0\" (rows 0 and 49)" audit image=twice.h5 text=twice.h5 audio=twice.h5
refused 4 "no id that all 3 modalities have" audit image=image.h5 text=other.h5 audio=audio.h5
refused 4 "is int64|write all ids as integers" audit image=image.h5 text=twice.h5 audio=audio.h5
refused 3 "image 280 rows, text 300 rows, audio 280 rows|text.npy has none" \
  audit image=image.h5 text=text.npy audio=audio.h5
# ids that cannot be used are no reason to pair by position, nor are rows whose other ids say otherwise
"$python" - <<'END'
import h5py, numpy as np
rows = np.random.default_rng(3).normal(size=(60, 8)).astype("f4")
for name, ids in {"up": np.arange(60), "down": np.arange(60)[::-1], "floats": np.arange(60.), "few": np.arange(59), "half": np.arange(60) + .5}.items():
    with h5py.File(name + ".h5", "w") as f:
        f["emb"], f["id"] = rows, ids
np.save("bare.npy", rows)
with h5py.File("all.h5", "w") as f:
    for k, name in enumerate(("text", "image", "audio", "sound_track")):
        f[name] = rows + k * np.roll(rows, k, 0)
END
fine audit image=up.h5 text=down.h5 audio=floats.h5
want_text out "paired by their ids"
refused 4 "few.h5:/id: int64 of shape (59,), and audio has 60 rows" audit image=up.h5 text=down.h5 audio=few.h5
refused 4 "ids are whole numbers" audit image=up.h5 text=down.h5 audio=half.h5
refused 3 "row 0 has another id|bare.npy has no ids" audit image=up.h5 text=down.h5 audio=bare.npy
fine audit image=up.h5 text=up.h5 audio=bare.npy
# of a file with several arrays, that of the name
fine audit image=all.h5 text=all.h5 audio=all.h5 --json
cp out by-name.json
fine audit image=all.h5:/image text=all.h5:/text audio=all.h5:/audio --json
"$python" -c 'import json
a, b = json.load(open("by-name.json")), json.load(open("out"))
assert a["matrix"] == b["matrix"] and a["input"] == b["input"]' || complain "audio=all.h5 is not all.h5:/audio"
fine audit text=all.h5
want_text out "60 texts, d = 8"
refused 3 "all.h5: 4 arrays of rows, and none is named touch; give touch=FILE:/path" audit image=all.h5 touch=all.h5

# one modality of another width: its pairs have their agreement, as the audit of the two has, and there is no pool
fine audit image=image.npy text=text.npy wide=wide.h5 -o widths --json
cp out widths.json
want_text err "wrote widths"
want_file widths/figures/matrix.svg widths/rows.tsv
want_absent widths/figures/modalities.svg
fine audit image=image.npy wide=wide.h5 --json
"$python" - <<'END' || complain "a pair of two widths is not the audit of the two"
import json
many, two = json.load(open("widths.json")), json.load(open("out"))
pair = many["pairs"]["image-wide"]
for report in pair, two:
    for key in "run", "input", "advice":
        report.pop(key, None)
assert pair == two, set(pair) ^ set(two)
m = many["matrix"]
assert m["corrected_distance"][0][2] is None and m["corrected_distance"][0][1] > 0
assert m["cka"][0][2] == m["cka"][2][0] == two["agreement"]["cka"]["value"]
assert many["mixed"]["same_modality_share"]["value"] is None and "width" in many["mixed"]["same_modality_share"]["why"]
END

# what is of two modalities, and what cannot be
# shellcheck disable=SC2086
refused 2 "--csls is for two modalities, 3 are named" audit $three --csls
# shellcheck disable=SC2086
refused 2 "--labels is for two modalities" audit $three --labels labels
refused 2 "--against is for two modalities" audit image=image.npy text=text.npy audio=audio.npy --against old.json
refused 2 "pairs.A-B.KEY" audit image=image.npy text=text.npy audio=audio.npy --keys
refused 2 "cannot be named unbiased" audit image=image.npy text=text.npy unbiased=audio.npy
refused 3 "nix.npy: no such file" audit image=image.npy text=text.npy audio=nix.npy
refused 2 "give two" train image=image.npy text=text.npy audio=audio.npy -o no
# unpaired sets whose names are of no modality drift, as two of them do
fine audit v1=image.npy v2=text.npy image=wide.h5 --unpaired
tr '\n' ' ' <out >line
want_text line "v1-v2: The v2 rows drift from the v1 rows"

finish
