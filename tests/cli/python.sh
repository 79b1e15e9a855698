# The Python sample: what contragap wrote, read with h5py and numpy alone, and every kind of head applied as apply does.
. "$(dirname "$0")/lib.sh"
python=/usr/bin/python3
"$python" -c 'import numpy, h5py' 2>/dev/null || skip "NumPy or h5py is not here (Debian: python3-numpy, python3-h5py)"

cat >check.py <<'EOF'
"""check.py OUT.npz APPLIED.h5 AFTER.json PRINTED: rows within rounding of float32; the printed distances are the reports'."""
import json, re, sys
import h5py, numpy as np
got, want = np.load(sys.argv[1]), h5py.File(sys.argv[2])
for side in "image", "text":
    assert got[side].shape == want[side].shape, (side, got[side].shape, want[side].shape)
    off = np.abs(got[side] - want[side][:]).max()  # unit rows: 6e-8 each rounding, of sums over 24 terms twice
    assert off < 2e-6, f"{side}: {off} off"
after = json.load(open(sys.argv[3]))["gap"]["centroid_distance"]["value"]
printed = float(re.search(r"([0-9.]+) after", open(sys.argv[4]).read()).group(1))
assert abs(printed - after) < 2e-6, (printed, after)
EOF

fine simulate --model clip --n 200 --d 24 --seed 3 -o pairs.h5 --quiet
# compares OPTIONS…: a head trained with these, through the sample and through apply
compares() {
  rm -rf closed out.npz applied.h5
  fine train pairs.h5 -o closed --epochs 2 --batch 50 --quiet "$@"
  fine apply closed/head.h5 pairs.h5 -o applied.h5 --quiet
  works "$python" "$CONTRAGAP_SOURCE/samples/use_results.py" closed/before.json closed/head.h5 pairs.h5 out.npz
  want_text out "gap.corrected_distance: 0." "[" "retrieval.image_to_text.recall_at_1" "test part, 40 pairs"
  cp out printed
  runs "$python" check.py out.npz applied.h5 closed/after.json printed
  [ "$rc" -eq 0 ] || last="train $*"
  want_rc 0
}
compares --head residual
compares --head residual --shared
compares --head linear --dim 10
compares --head mlp --hidden 20
compares --head mlp --hidden 20 --dim 12

# another program's rows do not pass
runs "$python" -c 'import numpy; f = dict(numpy.load("out.npz")); f["text"][7, 0] += 1e-4; numpy.savez("out.npz", **f)'
want_rc 0
runs "$python" check.py out.npz applied.h5 closed/after.json printed
want_rc 1

# a head.h5 whose split is no split
spoilt() {
  cp closed/head.h5 spoilt.h5
  runs "$python" -c "import h5py; f = h5py.File('spoilt.h5', 'a'); $1"
  want_rc 0
  rm -f refused.h5
  refused 3 "spoilt.h5|$2" apply spoilt.h5 pairs.h5 -o refused.h5
  want_absent refused.h5
}
spoilt "f['split'][3] = 7" "other numbers than -1, 0, 1, 2"
spoilt "del f['split']; f.create_dataset('split', (1 << 40,), 'i8', chunks=(1 << 20,))" "more rows than the file could hold"
spoilt "del f['split']; f['split'] = 'no'" "no list of integers"

runs "$python" "$CONTRAGAP_SOURCE/samples/use_results.py"
want_rc 1
want_text err "use_results.py closed/before.json"
finish
