# apply: the gap before and after, where it is still wide, whose rows were fitted on, and means that do not fit.
. "$(dirname "$0")/lib.sh"

run simulate --model clip --n 400 --d 48 --captions 2 --seed 1 -o a.h5 --quiet
run simulate --model clip --n 400 --d 48 --captions 2 --seed 2 -o b.h5 --quiet
fine train a.h5 -o closed --epochs 8 --quiet

silent() { # nothing is wrong with this gap
  checks=$((checks + 1))
  ! grep -q "warning" err || complain "a false alarm: $(cat err)"
  ! grep -q "measured on them" err || complain "these rows were not fitted on: $(cat err)"
}

# other rows of the same distribution, a head and means
fine apply closed b.h5 -o through.h5
want_text out "gap: 0.8" "(severe) → 0." "400 images and 800 texts" "noise floor" "low below 0.19"
silent
fine apply --method center --fit a.h5 b.h5 -o through.h5
silent

# what the line says is what an audit measures, where the sample is all rows
fine apply closed b.h5 -o through.h5 --json
cp out said.json
fine audit b.h5 --json --quiet
mv out before.json
fine audit through.h5 --json --quiet
/usr/bin/python3 - <<'END' || complain "the gap in the JSON is not that of the audits"
import json
said = json.load(open("said.json"))
gap, after = said["gap"], json.load(open("out"))
for when, report in (("before", json.load(open("before.json"))), ("after", after)):
    for key in ("corrected_distance", "noise_floor"):
        mine, theirs = gap[when][key]["value"], report["gap"][key]["value"]
        assert abs(mine - theirs) < 1e-6, (when, key, mine, theirs)
    assert gap[when]["word"] == report["verdict"]["gap"], gap[when]
assert said["training_images"] == 0 and not said["fitted_on_these"] and said["fit"] is None, said
END

# rows of another domain: the images lie elsewhere; and a file in another order, a part of it, and one with bad rows
/usr/bin/python3 - <<'END' || exit 99
import h5py, numpy as np
def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)
with h5py.File("b.h5") as f:
    x, y = unit(f["image"][()]), f["text"][()]
    which = f["text_image"][()] if "text_image" in f else np.arange(len(y.reshape(-1, 48))) // 2
y = y.reshape(-1, 48)
def write(name, x, y, which):
    with h5py.File(name, "w") as f:
        f["image"], f["text"], f["text_image"] = x.astype("f4"), y.astype("f4"), which
moved = x.copy()
moved[:, 3] += 0.5
write("elsewhere.h5", moved, y, which)
with h5py.File("a.h5") as f:
    x, y = f["image"][()], f["text"][()].reshape(-1, 48)
which = np.arange(800) // 2
order = np.random.default_rng(1).permutation(400)
place = np.argsort(order)
write("shuffled.h5", x[order], y, place[which])
write("some.h5", x[100:220], y[200:440], which[:240])
bad = x.copy()
bad[7], bad[11] = 0, np.nan
write("bad.h5", bad, y, which)
END
fine apply closed elsewhere.h5 -o through.h5
want_text out "(severe) → "
want_text err "warning: the gap of these rows is still" "closed was fitted on others" "contragap train elsewhere.h5 -o DIR"
fine apply --method center --fit b.h5 elsewhere.h5 -o through.h5 --json
want_text err "the means of b.h5 do not fit: its images are 0." "fit center on rows like these"
want_text out '"means_differ": true'
runs grep "its texts" err
want_rc 1
fine apply --method procrustes --fit b.h5 elsewhere.h5 -o through.h5 --json # which has no means
want_text out '"means_differ": false'

# the rows that were fitted on, wherever they are, and no others
fine apply closed a.h5 -o through.h5
want_text err "280 of these 400 images trained the head: what is measured on them is better than on new rows"
fine apply closed shuffled.h5 -o through.h5
want_text err "280 of these 400 images trained the head"
fine info through.h5
want_text out "trained on 280 of 400 images"
fine apply closed some.h5 -o through.h5 --json
/usr/bin/python3 - <<'END' || complain "not the training rows of a part of the file"
import h5py, json
split = h5py.File("closed/head.h5")["split"][()]
said = json.load(open("out"))
assert said["training_images"] == int((split[100:220] == 0).sum()) and said["fitted_on_these"], said
END
fine apply --method whiten a.h5 -o through.h5
want_text err "whiten was fitted on these very rows: what is measured on them is better than on new rows; --fit FILE2"
fine apply --method center --fit shuffled.h5 some.h5 -o through.h5
want_text err "120 of 120 rows looked at are also in shuffled.h5, which center was fitted on"

# a head of an earlier version knows its rows by their number alone
/usr/bin/python3 - <<'END' || exit 99
import h5py
with h5py.File("closed/head.h5") as f, h5py.File("old.h5", "w") as g:
    for name in f:
        if name != "training_hashes":
            f.copy(name, g)
    for name, value in f.attrs.items():
        g.attrs[name] = value
END
fine apply old.h5 a.h5 -o through.h5
want_text err "if the head was trained on this file, 280 of its images were in the training"
fine apply old.h5 some.h5 -o through.h5
silent

# what is left out, what cannot be measured
fine apply closed bad.h5 -o through.h5 --drop-bad
want_text err "2 bad rows were written as zeros"
want_text out "398 images and 796 texts"
/usr/bin/python3 -c 'import h5py, numpy; numpy.save("images.npy", h5py.File("b.h5")["image"][()])' || exit 99
fine apply closed images.npy -o through.h5 --json
want_text out '"why": "it takes rows of both modalities, at least 3 of each"'
fine apply closed b.h5 -o through.h5 --memory 50M # what apply needs, and not what the measurement does
want_file through.h5

# more rows than the sample has: as many at most, and the same every time
run simulate --model clip --n 2600 --d 24 --captions 3 --seed 4 -o many.h5 --quiet
fine apply --method center many.h5 -o through.h5
cp out first
want_text out "2000 images and 6000 texts"
fine apply --method center many.h5 -o through.h5 --threads 1
cp out second
works cmp first second

# no false alarm on other rows of the same distribution, small and uneven as they are
for seed in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  run simulate --model clip --n 150 --d 24 --seed $seed -o mine.h5 --quiet
  run simulate --model clip --n 120 --d 24 --seed 1$seed -o other.h5 --quiet
  fine apply --method center --fit mine.h5 other.h5 -o through.h5
  silent
done
finish
