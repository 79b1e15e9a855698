# What files mean, through the commands: columns that MATLAB and Octave store first are rows for every command, other
# forms of pairings and labels in other containers, and notes that are said.
. "$(dirname "$0")/lib.sh"
OMP_NUM_THREADS=1
export OMP_NUM_THREADS
python=/usr/bin/python3
"$python" -c 'import h5py' 2>/dev/null || skip "h5py is not here (Debian: python3-h5py)"
"$python" - <<'END' || exit 99
import json, os, struct
import h5py
import numpy as np

N, D = 600, 16
random = np.random.default_rng(2)
meaning = random.normal(size=(N, D))
shift = np.zeros(D)
shift[0] = 2
image = meaning + 0.5 * random.normal(size=(N, D)) + shift
text = meaning + 0.5 * random.normal(size=(N, D)) - shift
order = random.permutation(N)
labels = np.arange(N) % 5
classes = random.normal(size=(5, D))
prompts = classes + 0.1 * random.normal(size=(7, 5, D))
counts = 1 + np.arange(N) % 3


def hdf5(path, **datasets):
    with h5py.File(path, "w") as f:
        for name, data in datasets.items():
            f[name] = data


def matlab(path, **datasets):
    with h5py.File(path, "w", userblock_size=512) as f:
        for name, data in datasets.items():
            f.create_dataset(name, data=np.ascontiguousarray(data.T), chunks=True, compression="gzip")
            f[name].attrs["MATLAB_class"] = np.bytes_("double")


def octave(path, **datasets):
    with h5py.File(path, "w") as f:
        for name, data in datasets.items():
            group = f.create_group(name)
            group.attrs["OCTAVE_NEW_FORMAT"] = np.uint8(1)
            group["type"] = np.bytes_("matrix")
            group["value"] = np.ascontiguousarray(data.T)


def safetensors(path, **arrays):
    fields, data = {}, b""
    for name, a in arrays.items():
        kind = {"float64": "F64", "int64": "I64", "bool": "BOOL"}[str(a.dtype)]
        fields[name] = {"dtype": kind, "shape": list(a.shape), "data_offsets": [len(data), len(data) + a.nbytes]}
        data += np.ascontiguousarray(a).tobytes()
    head = json.dumps(fields).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(head)) + head + data)


all_of_it = dict(image=image, text=text[order], class_text=classes)
hdf5("rows.h5", text_image=order, labels=labels, **all_of_it)
from_one = dict(text_image=order[:, None] + 1.0, labels=labels[None] + 1.0)
matlab("m.mat", **all_of_it, **from_one)
octave("o.h5", **all_of_it, **from_one)

table = np.eye(5, dtype=bool)[labels]
names = np.array(["%d.jpg" % i for i in range(N)])
np.savez("n.npz", labels=table, image_filenames=names, text_filenames=names[order].astype("S"), **all_of_it)
safetensors("s.safetensors", labels=table, text_image=order[:, None].astype("f8"), **all_of_it)

many = dict(image=image, text=np.repeat(text, counts, axis=0))
hdf5("many.h5", text_image=np.repeat(np.arange(N), counts), **many)
os.mkdir("folder")
for name, data in dict(text_indptr=np.append(0, counts.cumsum()), **many).items():
    np.save("folder/%s.npy" % name, data)
os.mkdir("shards")
for k, (first, end) in enumerate(((0, 250), (250, N))):
    texts = slice(counts[:first].sum(), counts[:end].sum())
    for name, data in (("image", image[first:end]), ("text", many["text"][texts]), ("text_lengths", counts[first:end])):
        np.save("shards/%s_%d.npy" % (name, k), data)

hdf5("columns.h5", image=image.T, text=text.T)
hdf5("tokens.h5", image=image, text=np.repeat(text[:, None], 77, axis=1))
hdf5("object.h5", image=image, text=text, text_image=np.array([(i,) for i in order], dtype=[("row", "i8")]))
hdf5("prompts.h5", image=image, labels=labels, class_text=prompts.mean(0), prompt_text=prompts)
hdf5("links.h5", **{"raw/a": image, "raw/b": text})
with h5py.File("links.h5", "a") as f:
    f["image"] = f["raw/a"]
    f["text"] = h5py.SoftLink("/raw/b")
END

rows_report want.json rows.h5
for file in m.mat o.h5 n.npz s.safetensors; do
  same_rows_report "$file"
done
run audit m.mat --json
want_text err "m.mat:/text_image: rows count from 1" "m.mat:/labels: labels count from 1"

# what is written are rows, of no mark
for file in m.mat o.h5; do
  rm -f out.h5
  fine convert "$file" -o out.h5
  same_rows_report out.h5
  rm -f out.h5
  fine apply --method center "$file" -o out.h5
  run apply --method center rows.h5 -o rows-out.h5
  rows_report applied.json rows-out.h5
  cp want.json kept.json
  cp applied.json want.json
  same_rows_report out.h5
  cp kept.json want.json
  rm -f out.h5 rows-out.h5
done
for file in rows.h5 m.mat; do
  fine train "$file" -o "trained-$file" --head linear --dim 8 --epochs 2 --threads 1 --quiet
done
checks=$((checks + 1))
"$python" - <<'END' || complain "another after.json from m.mat"
import json
one, other = (json.load(open("trained-%s/after.json" % name)) for name in ("rows.h5", "m.mat"))
assert one["gap"] == other["gap"] and one["retrieval"] == other["retrieval"]
END

rows_report want.json many.h5
same_rows_report folder
same_rows_report shards
same_rows_report folder/image.npy folder/text.npy folder/text_indptr.npy

# notes are said, and are in the report
fine audit columns.h5 --json
want_text err "note: columns.h5:/image and columns.h5:/text: rows and columns may be exchanged"
want_text out "may be exchanged"
fine audit tokens.h5 --json
want_text err "77 texts per image" "one row per token"
fine audit columns.h5 --quiet
checks=$((checks + 1))
[ ! -s err ] || complain "said under --quiet: $(cat err)"

# texts that are prompts
fine audit prompts.h5 --json
want_text err "prompts.h5:/prompt_text not used as texts" "(7, 5, 16)"
want_text out '"zero_shot": {'

# what looks meant and cannot be used
refused 4 "object.h5:/text_image: compound|of shape (600,) cannot be a pairing" audit object.h5
fine audit object.h5 --text-image none
refused 3 "object.h5:/image: no texts are wanted (--text none)|--class-text" train object.h5 --text none -o none
fine audit object.h5 --text none # the images alone
want_text out '600 images, d' 'One modality by itself'

# a second name: its rows go out once, under the name that was taken
fine apply --method center links.h5 -o centred.h5
fine info centred.h5
want_text out "centred.h5:/image" "centred.h5:/text"
run info rows.h5
want_text out "text_image gives each text's image row"
run info prompts.h5
want_text out "left out    /prompt_text"

# ids in the files of both modalities, and not as many as there are rows
"$python" - <<'END' || exit 99
import h5py
import numpy as np
random = np.random.default_rng(6)
for name, counts in ("image", (60, 55)), ("text", (60, 57, 0)):
    for count in counts:
        with h5py.File(f"{name}_{count}_ids.h5", "w") as f:
            f[name] = random.normal(size=(60, 8))
            if count:
                f["id"] = np.arange(count)
END
fine audit --image image_60_ids.h5 --text text_60_ids.h5
want_text out "ids"
refused 4 "text_57_ids.h5:/id|(57,)|60 texts|--text-image" audit --image image_60_ids.h5 --text text_57_ids.h5
refused 4 "image_55_ids.h5:/id|(55,)|60 images" audit --image image_55_ids.h5 --text text_60_ids.h5
fine audit --image image_60_ids.h5 --text text_57_ids.h5 --text-image none
fine audit --image image_55_ids.h5 --text text_0_ids.h5
want_text err "image_55_ids.h5:/id not used" "(55,)" "60 images"

# a damaged object: one line of ours, and none of HDF5's at exit
"$python" - <<'END' || exit 99
import re
import h5py
import numpy as np
with h5py.File("new.h5", "w", libver="latest") as f:
    for name in ("image", "text", "arithmetic/words"):
        f[name] = np.random.default_rng(4).normal(size=(20, 6))
data = open("new.h5", "rb").read()
for number, header in enumerate(re.finditer(b"OHDR", data)):
    damaged = bytearray(data)
    damaged[header.start() + 20] ^= 4
    open("damaged_%d.h5" % number, "wb").write(damaged)
END
echo leak:libhdf5 >within_hdf5 # what HDF5 itself does not free of a damaged file; for the leak checker of some builds
LSAN_OPTIONS=suppressions=$PWD/within_hdf5:print_suppressions=0
export LSAN_OPTIONS
for file in damaged_*.h5; do
  for command in audit info; do
    refused 3 "$file|damaged" "$command" "$file"
  done
done
finish
