# New classes: images with labels and class texts train on the prompts of their class; whole classes are kept out of training
# and validation, and zero-shot of seen and unseen classes is what NumPy makes of head.h5.
. "$(dirname "$0")/lib.sh"
draw_nothing
python=/usr/bin/python3
"$python" -c 'import numpy, h5py' 2>/dev/null || skip "NumPy or h5py is not here (Debian: python3-numpy, python3-h5py)"

cat >make.py <<'END'
import h5py, numpy as np
r = np.random.default_rng(2)
N, D, C, P = 400, 16, 10, 3
means = r.normal(size=(C, D))
label = np.minimum((r.random(N) ** 1.3 * (C - 1)).astype(int), C - 2) # of unequal size; the last class has no image
image = means[label] + 1.1 * r.normal(size=(N, D)) + 1
prompts = means[:, None] + 0.5 * r.normal(size=(C, P, D)) - 1
with h5py.File("classes.h5", "w") as f:
    f["image"], f["labels"], f["class_text"] = image.astype("f4"), label, prompts.astype("f4")
    f["class_names"] = np.array([f"class {c}" for c in range(C)], "S")
with h5py.File("captions.h5", "w") as f: # texts of their own, labels and class texts
    f["image"], f["labels"], f["class_text"] = image.astype("f4"), label, prompts.astype("f4")
    f["text"] = (image + 0.3 * r.normal(size=image.shape) - 2).astype("f4")
with h5py.File("labels.h5", "w") as f:
    f["image"], f["text"], f["labels"] = image.astype("f4"), image.astype("f4"), label
with h5py.File("pair.h5", "w") as f:
    f["image"], f["labels"], f["class_text"] = image.astype("f4"), label % 2, prompts[:2].astype("f4")
END
works "$python" make.py

cat >check.py <<'END'
"""check.py FILE FOLDER SHARE: the split, and zero-shot of seen and unseen classes through head.h5."""
import csv, json, math, sys
import h5py, numpy as np
name, folder, share = sys.argv[1], sys.argv[2], float(sys.argv[3])
unit = lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True)
with h5py.File(name) as f, h5py.File(folder + "/head.h5") as h:
    part, label = h["split"][:], f["labels"][:]
    rows = {k: unit(f[k][:].astype(float)) for k in ("image", "class_text")}
    through = {k: unit(v + v @ h[m]["weight"][:].T.astype(float) + h[m]["bias"][:].astype(float))
               for (k, v), m in zip(rows.items(), ("image", "text"))}
right = {n: (r["image"] @ unit(r["class_text"].mean(1)).T).argmax(1) == label for n, r in (("before", rows), ("after", through))}
c = json.load(open(folder + "/compare.json"))
held = set(c["held_out_classes"]["classes"])
there = set(np.unique(label))
assert len(held) == max(1, round(share * len(there))) and held < there, (held, there)
unseen = np.isin(label, sorted(held))
assert (part[unseen] == 2).all(), "an image of a class that was kept out trains or validates"
assert all((part[label == k] == 0).any() for k in there - held), "a class is not trained on"
assert (part[~unseen] == 2).any()
for word, mine in (("seen", ~unseen & (part == 2)), ("unseen", unseen)):
    got = c["held_out_classes"][word]
    assert got["images"] == mine.sum() and got["classes"] == len(np.unique(label[mine])), (word, got)
    for n in "before", "after":
        assert abs(got["top_1"][n] - right[n][mine].mean()) < 1e-9, (word, n, got, right[n][mine].mean())
    flips = got["changes"]["after"]
    lost, gained = int((right["before"] & ~right["after"])[mine].sum()), int((~right["before"] & right["after"])[mine].sum())
    p = min(1, 2 * sum(math.comb(lost + gained, i) for i in range(min(lost, gained) + 1)) / 2 ** (lost + gained))
    assert (flips["queries"], flips["lost"], flips["gained"]) == (mine.sum(), lost, gained) and abs(flips["p"] - p) < 1e-9, (word, flips)
    assert lost + gained > 0, "nothing changes"
for line in csv.DictReader(open(folder + "/classes.tsv"), delimiter="\t"):
    assert line["training"] == ("unseen" if int(line["class"]) in held else "seen"), line
END
# a head that changes something
quick="--epochs 30 --batch full --lr 3e-3 --patience 0 --quiet"
# shellcheck disable=SC2086  # several words
fine train classes.h5 -o closed --hold-out-classes 0.3 --all $quick
tr '\n' ' ' <out >line
works "$python" check.py classes.h5 closed 0.3
want_text line "Zero-shot of the 3 classes that training has not seen (" "top 1             seen    unseen" "gained," "lost (p"
"$CONTRAGAP" train classes.h5 -o closed --hold-out-classes 0.3 --epochs 30 --batch full --lr 3e-3 --patience 0 --force >out 2>err
want_text err "there are no texts: 3 prompts of its class are the texts of each image"
want_text closed/report.html "Unseen classes" "Zero-shot of the 3 classes"
# every prompt trains: as many rows as seen classes have prompts, of as many pairs as images have
want_text err "of training after equal ones were merged:" " 18 texts"
# the same by any seed; another seed draws others
for seed in 1 2 3; do
  # shellcheck disable=SC2086
  fine train classes.h5 -o "seed$seed" --hold-out-classes 0.4 --seed $seed $quick
  works "$python" check.py classes.h5 "seed$seed" 0.4
done
works "$python" -c 'import json; assert len({str(json.load(open(f"seed{s}/compare.json"))["held_out_classes"]["classes"]) for s in (1, 2, 3)}) > 1'
fine train classes.h5 --dry-run
want_line out "plan: 400 images, 1200 texts"
# with texts of their own, and with one class at least
# shellcheck disable=SC2086
fine train captions.h5 -o captions --hold-out-classes 0.01 $quick
works "$python" check.py captions.h5 captions 0.01
# without it nothing is kept out
# shellcheck disable=SC2086
fine train classes.h5 -o whole $quick
want_file whole/classes.tsv
runs grep -E '"held_out_classes"|unseen' whole/compare.json whole/classes.tsv
want_rc 1
# a sweep trains on class texts too
fine sweep classes.h5 -o sweep --loss clip,cua --seeds 1 --hold-out-classes 0.3 --epochs 2 --quiet
want_file sweep/sweep.csv

refused 4 "labels.h5|hold-out-classes needs labels and class texts|no class texts" train labels.h5 -o refused --hold-out-classes 0.3
refused 4 "hold-out-classes 0.3|1 of its 2 classes" train pair.h5 -o refused --hold-out-classes 0.3
refused 2 "--hold-out-classes 0.95" train classes.h5 -o refused --hold-out-classes 0.95
want_absent refused
finish
