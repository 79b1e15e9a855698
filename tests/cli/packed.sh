# Files compressed as a whole by gzip or zlib, and object arrays in .npz: the report of the same rows; what is damaged or
# compressed otherwise ends in one line.
. "$(dirname "$0")/lib.sh"
OMP_NUM_THREADS=1
export OMP_NUM_THREADS
python=/usr/bin/python3
"$python" -c 'import numpy' 2>/dev/null || skip "NumPy is not here (Debian: python3-numpy)"
"$python" - <<'EOF' || exit 99
import bz2, gzip, io, lzma, os, pickle, zipfile, zlib
import numpy as np

random = np.random.default_rng(5)
image = random.normal(size=(200, 12)).astype("f4")
text = (image + random.normal(size=image.shape)).astype("f4")


def npy(a):
    out = io.BytesIO()
    np.save(out, a, allow_pickle=True)
    return out.getvalue()


def put(name, data):
    with open(name, "wb") as f:
        f.write(data)


def objects(rows):
    out = np.empty(len(rows), object)
    out[:] = list(rows)
    return out


os.mkdir("folder")
for name, a in ("image", image), ("text", text):
    put(f"{name}.npy", npy(a))
    put(f"{name}_rows.npy.gz", gzip.compress(npy(objects(a))))
    put(f"folder/{name}.npy.gz", gzip.compress(npy(a)))
    half = len(npy(a)) // 2  # two members, and padding, as tape programs write them
    put(f"{name}_two.npy.gz", gzip.compress(npy(a)[:half]) + gzip.compress(npy(a)[half:]) + bytes(512))
    for k in range(2):
        put(f"{name}_part_{k}.npy.gz", gzip.compress(npy(a[100 * k:100 * k + 100])))
both = {"image": image, "text": text}
whole = pickle.dumps(both)
for level in range(10):  # the bytes in front depend on it
    put(f"level{level}.joblib", zlib.compress(whole, level))
put("both.pkl.gz", gzip.compress(whole))
put("both.joblib", gzip.compress(whole))
for name, packer in ("bz2", bz2), ("xz", lzma):
    put(f"{name}.joblib", packer.compress(whole))
put("lzma.joblib", lzma.compress(whole, lzma.FORMAT_ALONE))
np.savez("objects.npz", image=objects(image), text=objects(text))
np.savez_compressed("objects_deflated.npz", image=objects(image), text=objects(text))
captions = objects(["a caption", None] * (len(image) // 2))
np.savez("captions.npz", image=image, text=text, captions=captions)
put("captions.npy", npy(captions))
np.savez("uneven.npz", image=objects([row[k % 2:] for k, row in enumerate(image[:60])]), text=text[:60])
np.savez("dict.npz", pairs=np.array(both, object))
np.savez("wide.npz", image=image.astype("f8"), text=text.astype("f8"))
np.savez("numbers.npz", image=image.astype(object), text=text.astype(object))
put("empty_member.npy.gz", gzip.compress(b"") + gzip.compress(npy(image)))
put("torch.pt.gz", gzip.compress(b"PK\3\4" + bytes(60)))
put("broken.npy.gz", gzip.compress(npy(image))[:-2000])
bits = bytearray(gzip.compress(npy(image)))
bits[-6] ^= 1
put("bits.npy.gz", bytes(bits))
put("behind.npy.gz", gzip.compress(npy(image)) + b"more")
CALL = b"cposix\nsystem\n(S'touch has_run'\ntR."
put("hostile.pkl.gz", gzip.compress(CALL))
array = npy(np.array([1, 2], object))
with zipfile.ZipFile("hostile.npz", "w") as archive:
    archive.writestr("image.npy", array[:array.index(b"\x80")] + CALL)
EOF

rows_report want.json image.npy text.npy
same_rows_report folder
same_rows_report folder/image.npy.gz folder/text.npy.gz
same_rows_report folder/image.npy.gz text.npy
same_rows_report image_rows.npy.gz text_rows.npy.gz
same_rows_report image_two.npy.gz text_two.npy.gz
same_rows_report empty_member.npy.gz text.npy
same_rows_report image_part_?.npy.gz text_part_?.npy.gz
for file in level?.joblib both.pkl.gz both.joblib objects.npz objects_deflated.npz dict.npz; do
  same_rows_report "$file"
done
same_rows_report captions.npz # the other arrays are read all the same
fine info captions.npz
want_text out "no array, tensor, or list" "left out    /captions"
refused 3 "captions.npy: a Python pickle with no array" info captions.npy
refused 3 "uneven.npz:/image: one array per item|0 has 12 numbers|1 has 11" audit uneven.npz
same_rows_report --image both.pkl.gz:image --text objects_deflated.npz:text
rows_report want.json wide.npz
same_rows_report numbers.npz
fine info folder
want_text out ".npy, gzip, unpacked to a temporary file"
fine info both.pkl.gz
want_text out "both.pkl.gz: $(wc -c <both.pkl.gz) bytes" "pickle, unpacked to a temporary file"

for name in bz2 xz lzma; do
  refused 3 "$name.joblib|joblib.load('$name.joblib')" info "$name.joblib"
done
refused 3 "torch.pt.gz: gzip-compressed|gunzip -k torch.pt.gz" info torch.pt.gz
refused 3 "broken.npy.gz: cannot be unpacked|cut short" info broken.npy.gz
refused 3 "bits.npy.gz: cannot be unpacked|incorrect data check" info bits.npy.gz
refused 3 "behind.npy.gz: cannot be unpacked" info behind.npy.gz
refused 3 "hostile.pkl.gz: a Python pickle that would call posix.system" audit hostile.pkl.gz
refused 3 "hostile.npz:/image: a Python pickle that would call posix.system" audit hostile.npz
want_absent has_run
TMPDIR=$work/none
export TMPDIR
refused 3 "$work/none|temporary file" info folder/image.npy.gz
finish
