# .npy, .npz, safetensors and folders of shards, as NumPy writes them: the same report bits from each, the same bits
# back through convert; what is damaged or hostile ends in one line and the right exit code.
. "$(dirname "$0")/lib.sh"
# threads that wait for each other on a busy machine take all of the time
OMP_NUM_THREADS=1
export OMP_NUM_THREADS
python=/usr/bin/python3
"$python" -c 'import numpy' 2>/dev/null || skip "NumPy is not here (Debian: python3-numpy)"
"$python" "$here/make_containers.py" "$work" || exit 99

for type in f2 f4 f8; do
  rows_report want.json "$type/v1leC/img_emb.npy" "$type/v1leC/text_emb.npy"
  for folder in "$type"/v* "$type/clip" "$type/flat"; do
    same_rows_report "$folder"
  done
  for file in "$type/bothC/embeddings.npy" "$type/bothF/embeddings.npy" "$type/stored.npz" "$type/deflated.npz" \
    "$type/one.npz" "$type/pairs.safetensors"; do
    same_rows_report "$file"
  done
  # the order of the shell, in which 10 stands before 2
  same_rows_report "$type"/flat/*.npy
  same_rows_report --image "$type/stored.npz:image" --text "$type/pairs.safetensors:/text"
  same_rows_report --image "$type/v1beF/img_emb.npy" --text "$type/clip/text_emb"

  # through HDF5 and back: the bits and the type are kept
  fine convert "$type/deflated.npz" -o "$type.h5"
  same_rows_report "$type.h5"
  fine convert "$type.h5" --format npy -o "$type.out"
  same_rows_report "$type.out"
  checks=$((checks + 1))
  bytes=$((48 * 12 * ${type#f}))
  for side in image:img_emb text:text_emb; do
    tail -c "$bytes" "$type.out/${side%:*}.npy" >got
    tail -c "$bytes" "$type/v1leC/${side#*:}.npy" | cmp -s - got || complain "$type: other bytes of $side after convert"
  done
  fine convert "$type.out" -o "$type.back.h5"
  run info "$type.back.h5"
  want_text out "48 × 12" "$(case $type in f2) echo float16 ;; f4) echo float32 ;; *) echo float64 ;; esac)"
done

# two files whose names say nothing, in their order; one that says its side
rows_report want.json first.npy second.npy
run info second.npy first.npy
want_text out "image       second.npy" "text        first.npy" "the first of two files"
cp first.npy image.npy
run info second.npy image.npy
want_text out "image       image.npy" "text        second.npy" "the other of the two files"
same_rows_report second.npy image.npy
same_rows_report --image first.npy --text second.npy

# bfloat16 comes back as itself through HDF5, and exactly as float32 in .npy
rows_report want.json bf16.safetensors
fine convert bf16.safetensors -o bf16.h5
same_rows_report bf16.h5
run info bf16.h5
want_text out "bfloat16"
fine convert bf16.safetensors --format npy -o bf16
want_text err "widened to float32"

# bfloat16 of JAX, Keras and PyTorch, which NumPy and HDF5 have no type for
"$python" - <<'END' || exit 99
import numpy as np
from json import loads
raw = open("bf16.safetensors", "rb").read()
start = 8 + int.from_bytes(raw[:8], "little")
sides = {}
for name, t in loads(raw[8:start]).items():
    if name != "__metadata__":
        begin, end = t["data_offsets"]
        sides[name] = np.frombuffer(raw[start + begin : start + end], "u2").reshape(t["shape"])
np.savez("bf16_void.npz", **{name: a.view("V2") for name, a in sides.items()})
try:
    import h5py
except ImportError:
    raise SystemExit
with h5py.File("bf16_void.h5", "w") as f, h5py.File("bf16_torch.h5", "w") as g:
    for name, a in sides.items():
        f.create_dataset(name, data=a.view("V2"), chunks=(7, a.shape[1]), compression="gzip", shuffle=True)
        g[name] = a.view("i2")
        g[name].attrs["dtype"] = "torch.bfloat16"
END
for file in bf16_void.npz bf16_void.h5 bf16_torch.h5; do
  [ ! -e "$file" ] || same_rows_report "$file"
done

# pairing, labels, class texts; ids as strings of one and of four bytes a character
rows_report want.json full.npz
want_text want.json '"zero_shot"'
for file in ids_wide.npz ids_bytes.npz full; do
  same_rows_report "$file"
done
run info ids_wide.npz
want_text out "ids: ids_wide.npz:/text_image_id of the texts against ids_wide.npz:/image_id"
run info full
want_text out "full/text_image.npy gives each text's image row" "labels      full/labels.npy" "full/class_text.npy"
same_rows_report full/image.npy full/text.npy full/labels.npy full/class_text.npy --text-image full/text_image.npy
fine convert full.npz -o full.h5
same_rows_report full.h5
"$python" - <<'EOF' || complain "the attributes of convert are not there"
import sys
try:
    import h5py
except ImportError:
    sys.exit(0)
f = h5py.File("full.h5")
text = lambda v: v.decode() if isinstance(v, bytes) else v
assert text(f.attrs["command"]) == "contragap convert full.npz -o full.h5", f.attrs["command"]
assert text(f.attrs["source"]) == "full.npz"
assert text(f["image"].attrs["source"]) == "full.npz:/image"
EOF
fine convert full.h5 --format npy -o full.out
same_rows_report full.out

# convert: what it will not do
refused 2 "give -o OUT.h5" convert full.npz
refused 2 "full.npz: is an input" convert full.npz -o full.npz
refused 2 "--format npy" convert full.npz --format npy -o pairs.npy
refused 3 "none/pairs.h5" convert full.npz -o none/pairs.h5
refused 3 "full.out/image.npy: already exists|--force" convert f4/stored.npz --format npy -o full.out
refused 3 "full.out/class_text.npy: already exists" convert f4/stored.npz --format npy -o full.out --force
ends 2 convert full.npz -o x.h5 --drop-bad
want_absent x.h5 none

# refuse CODE FILE WORDS…: one line on stderr with the words, and this exit code; nothing is written
refuse() {
  code=$1
  file=$2
  shift 2
  run convert "hostile/$file" -o refused.h5
  want_rc "$code"
  want_line err "hostile/$file" "$@"
  want_absent refused.h5
}

refuse 3 claims_more.npy "60000"
refuse 3 claims_4g.npy "4294967280"
refuse 3 version9.npy "version 1 to 3"
refuse 4 overflow.npy "larger than any memory"
refuse 4 overflow2.npy "larger than any memory"
refuse 4 product.npy "larger than any memory"
refuse 4 negative.npy "negative"
refuse 3 short.npy "48 bytes" "47 are there"
refuse 3 trailing.npy "1 bytes follow"
refuse 3 twice.npy "twice"
refuse 3 missing.npy "missing"
refuse 3 code.npy "type cannot be read"
refuse 3 open.npy "shape"
refuse 3 nested.npy "type cannot be read"
refuse 4 axes.npy "more than 8 axes"
refuse 3 tiny.npy "8 bytes"
refuse 3 objects.npy "object array" "astype"
refuse 3 lfs.npy "Git LFS pointer" "4103128"
refuse 3 words.npy "no .npy array"
refuse 3 bomb.npz "bytes follow the 48"
refuse 3 objects.npz "no array"
refuse 3 torch.pt "no array, tensor, or list of vectors" "numpy.save"
refuse 3 empty.npz "no .npy array"
refuse 3 twice.npz "twice"
refuse 3 lie.npz "inconsistent"
refuse 3 cut.npz "zip archive"
refuse 3 claims_more.safetensors "1099511627776"
refuse 3 deep.safetensors "nested"
refuse 3 twice.safetensors "duplicate"
refuse 4 negative.safetensors "negative"
refuse 4 overflow.safetensors "larger than any memory"
refuse 3 beyond.safetensors "ends at byte 48" "40"
refuse 3 trailing.safetensors "2 bytes follow"
refuse 3 hole.safetensors "begins at byte 52"
refuse 3 overlap.safetensors "begins at byte 24"
refuse 3 wrong_size.safetensors "48 bytes" "64"
refuse 3 no_json.safetensors "JSON header is damaged"
refuse 4 no_rows.safetensors "no rows"
refuse 3 no_dtype.safetensors "no dtype"
refuse 3 model.pkl "a damaged Python pickle: 0x00 is no opcode"
refuse 3 old.pt "a Python pickle that is cut short"
refuse 3 nothing "no .npy files"
refuse 3 gap "img_emb_2.npy" "4 image shards, 3 text shards"
refuse 4 types "img_emb_1.npy" "float32"

# sides that are there but cannot be what they are named for
refused 4 "hostile/no_rows.npy|no rows" audit --image hostile/no_rows.npy --text first.npy
refused 4 "hostile/flat.npy|rank 1" audit --image hostile/flat.npy --text first.npy
refused 4 "hostile/integers.npy|int32" audit --image hostile/integers.npy --text first.npy

# info lists nothing of such a file, and says the same
refused 3 "nested" info hostile/deep.safetensors

# a bit that flipped in a deflated member is seen when its rows are read
refused 3 "hostile/flipped.npz:/" audit hostile/flipped.npz

# keys that are not there
refused 3 "full.npz: no dataset /imag|did you mean /image" audit --image full.npz:imag --text full.npz:text

# no room to unpack
runs env TMPDIR=/nowhere/at/all "$CONTRAGAP" audit f4/deflated.npz
want_rc 3
want_line err "/nowhere/at/all" "TMPDIR"

# what is next to a .npy is named for what it is
/usr/bin/python3 - <<'END' || exit 99
import os, zipfile
import h5py, numpy as np
r = np.random.default_rng(3)
rows = [r.normal(size=(20, 6)).astype("f4") for _ in range(3)]
np.save("img.npy", rows[0])
np.save("txt.npy", rows[1])
np.save("aud.npy", rows[2])
np.save("text_image.npy", np.arange(20)[::-1])
np.savez("text.npz", text=rows[1])
np.savez("three.npz", image=rows[0], text=rows[1], audio=rows[2])
with h5py.File("text.h5", "w") as f:
    f["text"] = rows[1]
with open("pointer.npy", "w") as f:
    f.write("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3968\n")
with open("page.npy", "w") as f:
    f.write("<!DOCTYPE html>\n<html></html>\n")
open("empty.npy", "w").close()
os.symlink("nowhere.npy", "lost.npy")
os.makedirs("links/img_emb")
np.save("links/img_emb/0.npy", rows[0])
os.symlink("nowhere.npy", "links/img_emb/1.npy")
os.makedirs("widths")
for k, width in enumerate((6, 6, 4)):
    np.save("widths/img_emb_%d.npy" % k, rows[0][:, :width])
    np.save("widths/text_emb_%d.npy" % k, rows[1][:, :width])
with zipfile.ZipFile("apple.zip", "w") as f:
    for name in "img", "txt":
        f.write(name + ".npy", "out/" + name + ".npy")
        f.writestr("__MACOSX/out/._" + name + ".npy", b"\0\5\x16\7" + bytes(90))
with open("three.npz", "rb") as f:
    data = bytearray(f.read())
data[data.find(rows[1].tobytes()[:32]) + 3] ^= 0x40
with open("bits.npz", "wb") as f:
    f.write(data)
END
said() {
  want=$1
  words=$2
  shift 2
  run info "$@"
  want_rc "$want"
  want_line err "$words"
}
for order in "img.npy %" "% img.npy"; do
  for odd in "pointer.npy:a Git LFS pointer" "page.npy:a web page (HTML)" "empty.npy:empty (0 bytes)" "lost.npy:no such file: it is a link" \
    "gone.npy:no such file" "gone.h5:no such file"; do
    # shellcheck disable=SC2046,SC2086  # two words
    said 3 "${odd%%:*}: ${odd#*:}" $(printf '%s' "$order" | sed "s/%/${odd%%:*}/") || true
  done
done
said 3 "gone.npy: no such file" --image gone.npy --text txt.npy
said 3 "gone.npy: no such file" --image img.npy --text gone.npy
said 3 "no such file for --labels" img.npy txt.npy --labels gone.npy
said 3 "1.npy: cannot be opened" links
said 4 "(20, 4)" widths
want_text err "(20, 6)"
# the other side may be in another container
rows_report want.json img.npy txt.npy
same_rows_report img.npy text.npz
same_rows_report text.h5 img.npy
same_rows_report apple.zip
same_rows_report img.npy text.npz --threads 1
# a file that nothing takes is refused, an array in a file is noted
said 3 "aud.npy: given, but not used" img.npy txt.npy aud.npy
said 3 "aud.npy: given, but not used" aud.npy img.npy txt.npy
fine audit img.npy txt.npy text_image.npy
fine audit img.npy txt.npy text_image.npy --unpaired
fine audit three.npz
want_line err "note: three.npz:/audio: float32 of shape (20, 6), not used"
run info three.npz
want_text out "three.npz:/audio"
# a checksum of the archive
for command in info audit; do
  refused 3 "bits.npz:/text|CRC" $command bits.npz
done
fine apply --method center three.npz -o centred.h5
want_text err "left out: /audio"
checks=$((checks + 1))
if grep -q "several files" err; then
  complain "speaks of several files: $(cat err)"
fi
# a pairing next to .npy files that is none of them
mkdir other_form
cp img.npy txt.npy other_form
fine audit other_form
for name in text_image.csv caption_to_image.json text_image_id.txt; do
  echo 0 >"other_form/$name"
  refused 3 "other_form/$name: its name says which text belongs to which image|numpy.save" audit other_form
  rm "other_form/$name"
done
for name in captions.txt metadata.csv image_ids.txt text_image.png; do
  echo 0 >"other_form/$name"
done
fine audit other_form

# a pickle that would run something: what is named, and nothing runs
"$python" - <<'END' || exit 99
import os, pickle, zipfile
import numpy as np
class Trap:
    def __reduce__(self):
        return os.system, ("touch has_run",)
rows = np.zeros((4, 3), "f4")
for protocol in range(6):
    with open("trap_%d.pkl" % protocol, "wb") as f:
        pickle.dump({"image": rows, "text": Trap()}, f, protocol)
with zipfile.ZipFile("trap_6.pkl", "w") as f:
    f.writestr("archive/data.pkl", pickle.dumps(Trap(), 2))
END
for protocol in 0 1 2 3 4 5 6; do
  refused 3 "trap_$protocol.pkl: a Python pickle that would call posix.system" audit "trap_$protocol.pkl"
done
want_absent has_run
# a file that lacks a side, next to one that has both
refused 3 "img.npy: no text found, 1 of 2 files have one, three.npz has both|leave one of them out" audit img.npy three.npz
# files that other programs hold, and few that may be open
if command -v flock >/dev/null; then
  runs env HDF5_USE_FILE_LOCKING=TRUE flock -x text.h5 "$CONTRAGAP" info text.h5
  want_rc 3
  want_line err "text.h5: locked" "HDF5_USE_FILE_LOCKING=FALSE"
  works env HDF5_USE_FILE_LOCKING=FALSE flock -x text.h5 "$CONTRAGAP" info --image img.npy --text text.h5
fi
for limit in 4 5 6 7 8 10; do
  for file in text.h5 three.npz; do
    # shellcheck disable=SC2016
    runs sh -c 'ulimit -n "$1"; exec "$0" audit --image img.npy --text "$2"' "$CONTRAGAP" "$limit" "$file"
    checks=$((checks + 1))
    if [ "$rc" -ne 0 ]; then
      grep -q -e "oo many" -e "Can't open file" err || complain "$limit files: $(cat err)"
      if grep -q -e damaged -e virtual err; then
        complain "$limit files: $(cat err)"
      fi
    fi
  done
done

finish
