# compare: reports and embeddings, paired or not, thresholds on differences.
. "$(dirname "$0")/lib.sh"
PYTHON=/usr/bin/python3

run simulate --model clip --n 120 --d 24 --seed 1 -o a.h5 --quiet
run simulate --model clip --n 120 --d 24 --seed 2 -o b.h5 --quiet
fine apply --method center a.h5 -o c.h5 --quiet
run audit a.h5 -o ra --quiet
run audit c.h5 -o rc --quiet

fine compare a.h5 c.h5 --all
want_text out "paired" "centroid distance" "better" "recall@1" "The gap narrows from a.h5 to c.h5" "recall@1 image to text"
fine compare ra rc/report.json --json
want_text out '"baseline": "ra"' 'independent samples' '"differences"' '"worse"'
fine compare ra rc b.h5
fine compare a.h5 a.h5 c.h5 --json --pairwise
want_text out '"a.h5 (2)"' '"same"'

# each file is paired with A or not by itself: c is, as it is alone; the file of other pairs is not
run simulate --model clip --n 90 --d 24 --seed 3 -o fewer.h5 --quiet
run compare a.h5 c.h5 --json
sed -n '/"c.h5": {/,/}/p' out | grep -A3 '"ci95"' >alone
fine compare a.h5 fewer.h5 c.h5 --json --pairwise
want_text out 'paired by image where the rows are those of a.h5, else of independent samples'
sed -n '/"c.h5": {/,/}/p' out | grep -A3 '"ci95"' >beside
want_file alone
works cmp alone beside

# the folder of a training is its report of the new rows
fine train a.h5 -o trained --epochs 1 --quiet
fine compare ra trained --json
want_text out '"trained"'
sed 's/"trained"/"after.json"/g' out >folder
run compare ra trained/after.json --json
cp out file
works cmp folder file

# reports by hand: measured in two ways, and with images and texts on either side of the uniform distribution's value
"$PYTHON" - <<'END' || exit 99
import json
def report(name, cross, method="exact"):
    one = lambda value: {"value": value, "ci95": [value - .01, value + .01], "n": 9, "method": method}
    measures = {"gap": {"centroid_distance": one(.5)}, "uniformity": {"cross": one(cross), "sphere": -3.9}}
    json.dump(measures, open(name + ".json", "w"))
for name, cross in (("above", -3.2), ("below", -4.5), ("at", -3.9), ("nearer", -4.1)):
    report(name, cross)
report("sampled", -3.2, "sampled")
report("bf16", -3.2, "bf16")
END
for two in "above below -1.3 better" "above at -0.7 better" "at below -0.6 worse" "below nearer 0.4 better" \
  "at above 0.7 worse" "above nearer -0.9 better"; do
  # shellcheck disable=SC2086
  set -- $two
  fine compare "$1.json" "$2.json" --json
  checks=$((checks + 1))
  "$PYTHON" - "$@" <<'END' || complain "the verdict of $1 and $2 is not $4"
import json, sys
change, = json.load(open("out"))["measures"]["uniformity"]["cross"]["differences"].values()
assert abs(change["value"] - float(sys.argv[3])) < 1e-9 and change["verdict"] == sys.argv[4], change
END
done
fine compare above.json sampled.json
tr '\n' ' ' <out >line
want_text line "above.json was measured exactly, sampled.json on a sample"
run compare bf16.json above.json --json
want_text out '"method": "bf16"'
run compare above.json at.json
cp out line
runs grep "was measured" line
want_rc 1

# whose rows they are: ids and captions say it, else the rows, else the user; costs are of the same rows alone
"$PYTHON" - <<'END' || exit 99
import zlib, h5py, numpy as np
def put(name, seed, noise=0.1, shift=0, **more):
    r, own = np.random.default_rng(seed), np.random.default_rng(zlib.crc32(name.encode()))
    means = r.normal(size=(80, 16))
    rows = [means + noise * own.normal(size=(80, 16)) + s * shift * np.eye(16)[0] for s in (1, -1)]
    with h5py.File(name + ".h5", "w") as f:
        f["image"], f["text"] = (rows[0], rows[1][np.random.default_rng(1).permutation(80)] if more.pop("wrong", 0) else rows[1])
        for key, value in more.items():
            f[key] = value
word = lambda n: np.array(["a/%03d.jpg" % k for k in n], dtype="S")
put("first", 1, image_id=np.arange(80) * 7, text_image_id=np.arange(80) * 7)
put("again", 1, noise=1.5, image_id=np.arange(80) * 7, text_image_id=np.arange(80) * 7)
put("others", 2, image_id=np.arange(80) * 7 + 1, text_image_id=np.arange(80) * 7 + 1)
put("counted", 1, image_id=np.arange(80), text_image_id=np.arange(80))
put("counted-others", 2, image_id=np.arange(80), text_image_id=np.arange(80))
put("files", 1, filename=word(range(80)))
put("files-moved", 1, noise=1.5, filename=np.array(["b/c/%03d.jpg" % k for k in range(80)], dtype="S"))
put("files-others", 1, filename=word(range(100, 180)))
put("bare", 1)
put("bare-noisy", 1, noise=1)
put("bare-others", 2)
put("bare-worse", 1, noise=0.1, wrong=1)
END
for two in "first again known ids" "first others no ids" "counted counted-others no similar" "files files-moved known ids" \
  "files files-others no ids" "bare bare-noisy assumed similar" "bare bare-others no similar" "bare bare known neighbours"; do
  # shellcheck disable=SC2086
  set -- $two
  fine compare "$1.h5" "$2.h5" --json
  checks=$((checks + 1))
  "$PYTHON" - "$@" <<'END' || complain "$1 and $2: $(grep -A1 same_rows out | tail -n 2)"
import json, sys
c = json.load(open("out"))
other = c["inputs"][1]
assert other["same_rows"] == sys.argv[3] and sys.argv[4] in other["same_rows_why"], other
assert ("paired" in c["intervals"]) == (sys.argv[3] != "no"), c["intervals"]
END
done
fine compare bare.h5 bare-noisy.h5
tr '\n' ' ' <out >line
want_text line "It is assumed that the rows of bare.h5 and bare-noisy.h5 are the same" "whose rows are assumed to be the same" \
  "Retrieval is worse"
run compare first.h5 again.h5
want_text out "It costs retrieval"
run compare first.h5 others.h5
tr '\n' ' ' <out >line
want_text line "taken as different data (their ids, file names or captions differ)" "independent samples"
run compare first.h5 again.h5 --independent
tr '\n' ' ' <out >line
want_text line "intervals of independent samples" "--independent says so"
runs grep -c "costs" line
want_rc 1
# no seed has a part in it
run compare first.h5 again.h5 --json --seed 3
grep -v seconds out >seed-3
run compare first.h5 again.h5 --json --seed 4
grep -v seconds out >seed-4
works cmp seed-3 seed-4

# without an interval no verdict; neighbours of other n are not held against each other, drawn or not
fine audit a.h5 -o drawn --pairs sampled --sample-rows 100 --quiet
fine compare ra drawn --json
checks=$((checks + 1))
"$PYTHON" - <<'END' || complain "a sample's measures have a verdict that nothing bears out"
import json
measures = json.load(open("out"))["measures"]
def change(*path):
    at = measures
    for name in path:
        at = at[name]
    return at["differences"]["drawn"]
for side in ("image_to_text", "text_to_image"):
    for name in ("skewness", "robin_hood", "anti_hub_share"):
        of = change("hubness", side, name)
        assert of["value"] is None and of["verdict"] == "other n", of
for path in (("mixed", "image"), ("gap", "linear_separability"), ("gap", "separability_auc")):
    assert change(*path)["verdict"] == "other n", path
assert change("loss", "cua")["verdict"] == "no interval"
def verdicts(at):
    if "differences" in at:
        yield from at["differences"].values()
    else:
        for below in at.values():
            yield from verdicts(below)
for of in verdicts(measures):
    assert of["ci95"] or of["verdict"] in ("same", "no interval", "other n", "unknown"), of
END
fine compare ra drawn --all
tr '\n' ' ' <out >line
want_text line "no interval" "other n" "ra: 120 rows, drawn: 100"

# other d: one warning, and no verdict on what goes with d
run simulate --model clip --n 120 --d 16 --seed 1 -o flat.h5 --quiet
run audit flat.h5 -o flat --quiet
for two in "a.h5 flat.h5" "ra flat"; do
  # shellcheck disable=SC2086
  set -- $two
  fine compare "$1" "$2" --json -o "of-d-$2" --quiet
  want_line err "warning" "$1 has d = 24" "$2 has d = 16"
  want_text "of-d-$2/report.html" "$1 has d = 24, $2 has d = 16"
  checks=$((checks + 1))
  "$PYTHON" - <<'END' || complain "$1 and $2: a verdict across dimensions"
import json
measures = json.load(open("out"))["measures"]
def words(at):
    return [c["verdict"] for c in at["differences"].values()] if "differences" in at else sum(map(words, at.values()), [])
assert set(words(measures["uniformity"]) + words(measures["pca"])) == {"other d"}, measures["pca"]
assert not {"other d"} & set(words(measures["alignment"]))
END
done
fine compare ra rc
checks=$((checks + 1))
[ ! -s err ] || complain "a warning where d is the same: $(cat err)"

# two .npy files are one input as a folder; each alone is none
fine convert a.h5 --format npy -o arrays
refused 3 "arrays/image.npy: one array|a folder that holds|contragap convert" compare arrays/image.npy arrays/text.npy
fine compare a.h5 arrays --json
cp out line
runs grep '"verdict": "\(better\|worse\)"' line
want_rc 1

# a difference of 0 where nothing differs
fine compare a.h5 a.h5 --fail-if 'gap.centroid_distance<-0.0001' --fail-if 'gap.centroid_distance>0.0001'
refused 1 "gap.centroid_distance" compare a.h5 c.h5 --fail-if 'gap.centroid_distance<-0.2'
# a measure that one of them lacks
ends 4 compare a.h5 c.h5 --unpaired --fail-if 'gap.rmg<9' --fail-if 'gap.centroid_distance<-0.2'
want_text err "gap.rmg is not known in both a.h5 and c.h5" "--allow-missing" "gap.centroid_distance from a.h5 to c.h5"
ends 1 compare a.h5 c.h5 --unpaired --fail-if 'gap.rmg<9' --fail-if 'gap.centroid_distance<-0.2' --allow-missing --json
cp out gates
runs sh -c 'tr -d " \n" <gates'
want_text out '{"test":"gap.rmg<9","value":null,"crossed":null,"input":"c.h5"}' '"crossed":true,"input":"c.h5"}'
fine compare a.h5 c.h5 -o out-folder --quiet
want_file out-folder/compare.json

# the page: whole in one file, the sentences first, nothing from outside, names escaped
page_is_whole() {
  runs grep -E '(src|href|xlink:href)="(https?:)?//' "$1"
  want_rc 1
  runs grep -c '<svg ' "$1"
  if command -v gnuplot >/dev/null; then
    [ "$(cat out)" -eq "$2" ] || complain "$1 has $(cat out) figures, not $2"
  fi
  want_text "$1" '<html lang="en">' 'id="definitions"' 'id="run"' 'class="verdict' '</html>'
}
want_text out-folder/report.html 'The gap narrows from a.h5 to c.h5' 'recall@1 image to text' '95 % interval'
page_is_whole out-folder/report.html 4
# first the gap in a sentence and in tiles, then a mark for each measure in place of lists of names
works test "$(grep -c '<div class="tile ' out-folder/report.html)" -ge 3
want_text out-folder/report.html 'class="tile gain"' 'measures with an interval: ' '<table class="summary"' '<i class="gain" title="Gap: corrected distance: '
want_file out-folder/figures/cosines_before_after.tsv
odd='a "q" <b>&.h5'
cp a.h5 "$odd"
fine compare "$odd" c.h5 -o odd-page --quiet
want_text odd-page/report.html 'a &quot;q&quot; &lt;b&gt;&amp;.h5'
runs grep -F '" <b>' odd-page/report.html
want_rc 1
fine compare ra rc -o of-reports --quiet
page_is_whole of-reports/report.html 8
want_file of-reports/figures/scatter-A.tsv of-reports/figures/scatter-B.tsv
fine compare a.h5 b.h5 c.h5 -o three --quiet --pairwise
page_is_whole three/report.html 4
# a page of another command is not replaced
refused 3 "ra|report.json|another" compare ra rc -o ra

# names: the folder of a report.json, the folders of files of one name, letters where they are long
fine compare ra/report.json rc/report.json
want_text out "from ra to rc"
mkdir one two
cp a.h5 one/pairs.h5
cp c.h5 two/pairs.h5
fine compare one/pairs.h5 two/pairs.h5
want_text out "from one/pairs.h5 to two/pairs.h5"
mkdir embeddings-one embeddings-two
cp a.h5 embeddings-one/pairs.h5
cp c.h5 embeddings-two/pairs.h5
fine compare embeddings-one/pairs.h5 embeddings-two/pairs.h5
want_text out "A = embeddings-one/pairs.h5" "B = embeddings-two/pairs.h5"

# refusals
refused 2 "A and B" compare a.h5
refused 3 "missing.h5" compare a.h5 missing.h5
refused 2 "gap.centroid" compare a.h5 c.h5 --fail-if 'gap.centroid<0'
printf '{"a": 1}' >odd.json
refused 4 "odd.json|no report" compare ra odd.json
printf '{"a": ' >broken.json
refused 4 "broken.json" compare ra broken.json
mkdir empty
refused 3 "empty" compare ra empty
finish
