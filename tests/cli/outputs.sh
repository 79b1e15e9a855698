# What is written in every container: apply, convert and simulate by the end of OUT's name, and a head as safetensors.
. "$(dirname "$0")/lib.sh"
draw_nothing
python=/usr/bin/python3
"$python" -c 'import numpy, h5py' 2>/dev/null || skip "NumPy or h5py is not here (Debian: python3-numpy, python3-h5py)"

cat >same.py <<'EOP'
"""same.py A.h5 OUT: every array of A.h5 is in OUT, bit by bit; OUT.npy stands for OUT_image.npy and so on."""
import json, sys
import h5py, numpy as np
sys.path.insert(0, sys.argv[3])
from load_head import load
a, out = h5py.File(sys.argv[1]), sys.argv[2]
names = []
a.visititems(lambda n, o: names.append(n) if isinstance(o, h5py.Dataset) else None)
if out.endswith(".npz"):
    got = dict(np.load(out))
elif out.endswith(".safetensors"):
    got, names = load(out)[0], [n for n in names if a[n].dtype.kind not in "SO"]
elif out.endswith(".npy"):
    names = [n for n in names if "/" not in n]
    got = {n: np.load(out[:-4] + f"_{n}.npy") for n in names}
else:
    got = {n: h5py.File(out)[n][()] for n in names}
assert len(names) > 3, names
for n in names:
    want = a[n][()]
    if want.dtype.kind in "SO":
        want = np.array([v.decode() for v in want.reshape(-1)])
        have = got[n] if got[n].dtype.kind == "U" else np.array([v.decode() for v in got[n].reshape(-1)])
        assert (have == want).all(), n
    else:
        assert got[n].shape == want.shape and got[n].astype(want.dtype).tobytes() == want.tobytes(), (n, got[n].dtype, want.dtype)
EOP
same() {
  runs "$python" same.py "$1" "$2" "$CONTRAGAP_SOURCE/samples"
  want_rc 0
}

# ids that count by 7, captions with letters of two, three and four bytes and of very different lengths
fine simulate --model clip --n 120 --d 12 --captions 2 --classes 4 --seed 3 --dtype float16 -o pairs.h5 --quiet
runs "$python" -c "
import h5py
f = h5py.File('pairs.h5', 'a')
f['image_ids'] = [7 * i for i in range(120)]
f['captions'] = ['ü€😀'[: i % 4] + ' caption %d' % i + ' long' * (i % 40) for i in range(240)]"
want_rc 0

for ending in h5 npz safetensors npy; do
  fine convert pairs.h5 -o "copy.$ending"
  case $ending in
  npy) want_text err "wrote copy_image.npy, copy_text.npy" "left out: arithmetic/words" ;;
  safetensors) want_text err "left out: captions" ;;
  *) want_text err "wrote copy.$ending" ;;
  esac
  same pairs.h5 "copy.$ending"
  [ "$ending" = npy ] || fine convert pairs.h5 -o "copy.$ending" --quiet # its own output is replaced
done
refused 3 "copy_image.npy: already exists|--force" convert pairs.h5 -o copy.npy
fine convert pairs.h5 -o copy.npy --force --quiet
runs "$python" -c "
import zipfile
z = zipfile.ZipFile('copy.npz')
assert z.testzip() is None and b'contragap convert' in z.comment"
want_rc 0
cp copy.npz mine.npz
"$python" -c "import numpy; numpy.savez('mine.npz', image=numpy.eye(4), text=numpy.eye(4))"
refused 3 "mine.npz: exists already|--force" convert pairs.h5 -o mine.npz
refused 3 "copy.npz: exists already and was not written by contragap apply" apply --method center pairs.h5 -o copy.npz
refused 2 "copy.npz: is an input" convert copy.npz -o copy.npz

# one report from all of them
fine audit pairs.h5 --json
"$python" -c "import json; r = json.load(open('out')); [r.pop(k) for k in ('run', 'input', 'advice')]; json.dump(r, open('want', 'w'))"
for files in copy.npz copy.safetensors "copy_image.npy copy_text.npy copy_labels.npy copy_class_text.npy"; do
  fine audit $files --json
  cp out got
  runs "$python" -c "
import json
want, got = json.load(open('want')), json.load(open('got'))
for key in 'gap', 'uniformity', 'retrieval', 'pca', 'zero_shot', 'checks':
    assert got[key] == want[key], (key, got[key], want[key])"
  want_rc 0
done

# apply: the bits of its HDF5, and what it says of the training
fine train pairs.h5 -o closed --select none --epochs 2 --batch 50 --quiet --export
for head in "closed" "--method center" closed/head.safetensors; do
  for ending in h5 npz safetensors npy; do
    fine apply $head pairs.h5 -o "applied.$ending" --quiet --force
    same applied.h5 "applied.$ending"
  done
  [ "$head" = closed ] && cp applied.h5 by_head.h5
done
same by_head.h5 applied.npz # the head of safetensors is the same head
for file in applied.npz applied.safetensors applied.h5; do
  fine audit "$file"
  want_text err "a head that was trained on"
done
fine apply closed copy_image.npy -o only.npy --quiet
want_file only.npy
want_absent only_image.npy

# NaN rows become zeros, counted, as in HDF5
"$python" -c "
import h5py, numpy
f = h5py.File('pairs.h5'); i = f['image'][:]; i[5] = numpy.nan
numpy.save('i.npy', i); numpy.save('t.npy', f['text'][:])"
refused 4 "i.npy" apply --method center i.npy t.npy -o bad.npz
fine apply closed i.npy t.npy -o bad.npz --drop-bad
want_text err "1 bad rows were written as zeros"

# simulate
for ending in npz safetensors npy; do
  fine simulate --n 50 --d 8 --classes 3 -o "made.$ending" --quiet
done
fine simulate --n 50 --d 8 --classes 3 -o made.h5 --quiet
for ending in npz safetensors npy; do same made.h5 "made.$ending"; done

refused 2 "folder/: a file is written" apply --method center pairs.h5 -o folder/
refused 2 "-o out.csv|.csv is not written|.npz" apply --method center pairs.h5 -o out.csv
refused 2 "-o out.pt|.safetensors" convert pairs.h5 -o out.pt
refused 2 "-o out.parquet|.npy" simulate -o out.parquet
refused 3 "none/x.npz" convert pairs.h5 -o none/x.npz

# names of modalities; marks too long for the comment of an archive
long=shards/$(printf '%0200d/%0100d' 0 0)
mkdir -p "$long"
"$python" -c "
import numpy, sys
a, b = numpy.load('copy_image.npy'), numpy.load('copy_text.npy')[:120]
numpy.save('audio.npy', a)
numpy.save('video.npy', b)
for k in range(120):
    numpy.save(sys.argv[1] + '/a_image_%d.npy' % k, a[k : k + 1])
    numpy.save(sys.argv[1] + '/a_text_%d.npy' % k, b[k : k + 1])" "$long"
for ending in h5 npz safetensors; do
  fine convert audio=audio.npy video=video.npy -o "named.$ending" --quiet
  fine info "named.$ending"
  want_text out "audio  " "video  "
done
rm -rf h
fine train named.npz -o h --select none --head linear --epochs 1 --batch 50 --quiet --export
fine apply h/head.safetensors audio.npy video.npy -o named2.npz --quiet
fine info named2.npz
want_text out "audio  " "video  "
fine convert "$long"/*.npy -o long.npz --names audio,video --quiet
runs "$python" -c "
import json, zipfile
marks = json.loads(zipfile.ZipFile('long.npz').comment)
assert marks['contragap_modalities'] == 'audio,video' and marks['command'] == 'too long to be kept', marks"
want_rc 0

# ids: a file cannot say where they are written, an array is no folder, and those of both modalities are kept
"$python" -c "
import io, json, numpy, zipfile
r = numpy.random.default_rng(1)
a, ids = r.normal(size=(40, 8)).astype('f4'), numpy.array(['k%02d' % k for k in range(40)])
with zipfile.ZipFile('outside.npz', 'w') as z:
    for name, x in ('image', a), ('text', a), ('../../outside/image_id', ids):
        out = io.BytesIO()
        numpy.save(out, x)
        z.writestr(name + '.npy', out.getvalue())
json.dump({m: {i: v.tolist() for i, v in zip(ids, a)} for m in ('image', 'text')}, open('items.json', 'w'))
o = r.permutation(40)
numpy.savez('a_image.npz', image=a, id=ids)
numpy.savez('a_text.npz', text=a[o], id=ids[o])"
mkdir -p in/side in/outside
fine convert outside.npz --format npy -o in/side/out --quiet
[ -f in/side/out/outside_image_id.npy ] && [ -z "$(ls in/outside)" ] || complain "ids were written elsewhere: $(find in)"
for ending in h5 npz; do
  fine convert items.json -o "items.$ending" --quiet
  fine info "items.$ending"
  want_text out "/image_id" "/text_id"
  fine convert a_image.npz a_text.npz -o "both.$ending" --quiet
  fine info "both.$ending"
  want_text out "/id" "/text_id" "/text_image gives each text's image row"
done

# bfloat16: kept by safetensors, widened by NumPy's formats
fine simulate --n 40 --d 8 --dtype bfloat16 -o b.h5 --quiet
fine convert b.h5 -o b.safetensors --quiet
fine convert b.h5 -o b.npz
want_text err "NumPy has no bfloat16"
fine convert b.safetensors -o b.back.h5 --quiet
runs "$python" -c "
import h5py, numpy
a, b, z = h5py.File('b.h5')['image'][:], h5py.File('b.back.h5')['image'][:], numpy.load('b.npz')['image']
assert (a == b).all() and ((a.astype('u4') << 16).view('f4') == z).all()"
want_rc 0

# the samples that load a head
for head in linear residual mlp "residual --shared"; do
  rm -rf h
  fine train pairs.h5 -o h --select none --head $head --epochs 1 --batch 50 --quiet --export
  fine apply h copy_image.npy -o through.npy --quiet --force
  works "$python" "$CONTRAGAP_SOURCE/samples/load_head.py" h/head.safetensors copy_image.npy image through2.npy
  runs "$python" -c "
import numpy
a, b = numpy.float64(numpy.load('through.npy')), numpy.load('through2.npy')
assert abs(a - b).max() < 2e-3, abs(a - b).max()  # float16 rows"
  want_rc 0
done
finish
