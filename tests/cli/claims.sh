# Files of some KB whose shapes claim gigabytes: refused with both numbers before memory is taken for them; and what is
# really there, packed, counts against --memory.
. "$(dirname "$0")/lib.sh"
python=/usr/bin/python3
"$python" -c 'import h5py' 2>/dev/null || skip "h5py is not here (Debian: python3-h5py)"
OMP_NUM_THREADS=1
export OMP_NUM_THREADS

fine simulate -o pairs.h5 --n 40 --d 8 --quiet
fine train pairs.h5 -o closed --epochs 1 --batch 16 --quiet
"$python" - <<'END' || exit 99
import shutil, h5py, numpy as np
r = np.random.default_rng(0)
def new(name):
    f = h5py.File(name, "w")
    f["image"], f["text"] = r.normal(size=(10, 4)).astype("f4"), r.normal(size=(10, 4)).astype("f4")
    f["labels"] = np.arange(10) % 3
    return f
shape = (3, 10**8, 4)
with new("chunks.h5") as f:
    f.create_dataset("class_text", shape=shape, dtype="f4", chunks=(1, 1 << 16, 4))
with new("one_block.h5") as f:
    f.create_dataset("class_text", shape=shape, dtype="f4")
with new("packed.h5") as f:
    f.create_dataset("class_text", shape=shape, dtype="f4", chunks=(1, 1 << 16, 4), compression="gzip")[0, :9] = 1
with new("virtual.h5") as f:
    l = h5py.VirtualLayout(shape=shape, dtype="f4")
    l[0, :1, :] = h5py.VirtualSource(".", "image", shape=(10, 4))[:1]
    f.create_virtual_dataset("class_text", l)
with new("unwritten.h5") as f:
    f.create_dataset("empty", shape=shape, dtype="f4", chunks=(1, 1 << 16, 4))
    l = h5py.VirtualLayout(shape=shape, dtype="f4")
    l[:] = h5py.VirtualSource(".", "empty", shape=shape)
    f.create_virtual_dataset("class_text", l)
open("raw", "wb").write(bytes(48))
with new("external.h5") as f:
    f.create_dataset("class_text", shape=shape, dtype="f4", external=[("raw", 0, 4 * 4 * 3 * 10**8)])
with h5py.File("rows.h5", "w") as f:
    for name in ("image", "text"):
        f.create_dataset(name, shape=(10**8, 512), dtype="f4", chunks=(1 << 10, 512))
with h5py.File("ids.h5", "w") as f:
    f["image"], f["text"] = r.normal(size=(10, 4)), r.normal(size=(10, 4))
    for name in ("image_id", "text_image_id"):
        f.create_dataset(name, shape=(10,), dtype="S2000000000", chunks=(1,))
shutil.copy("closed/head.h5", "head.h5")
with h5py.File("head.h5", "r+") as f:
    n = f["contragap_head"][()]
    n[3:5] = 40000, 20000
    f["contragap_head"][...] = n
    for m in ("image", "text"):
        del f[m]["weight"], f[m]["bias"]
        f[m].create_dataset("weight", shape=(20000, 40000), dtype="f4", chunks=(1000, 1000))
        f[m].create_dataset("bias", shape=(20000,), dtype="f4", chunks=(1000,))
with new("there.h5") as f: # 48 MB from 50 KB
    f.create_dataset("class_text", data=np.ones((3, 10**6, 4), "f4"), chunks=(1, 1 << 18, 4), compression="gzip")
with new("over_packed.h5") as f: # likewise, through a virtual dataset
    l = h5py.VirtualLayout(shape=(3, 10**6, 4), dtype="f8")
    l[:] = h5py.VirtualSource("there.h5", "class_text", shape=(3, 10**6, 4))
    f.create_virtual_dataset("class_text", l)
with new("fill.h5") as f: # fill values of a few bytes are nothing unusual
    del f["labels"]
    f.create_dataset("labels", shape=(10,), dtype="i8", chunks=(5,))
END
cat >measure.py <<'END'
import resource, subprocess, sys
code = subprocess.run(sys.argv[2:]).returncode
mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
open("peak", "w").write("%d" % mb)
sys.exit(code)
END

# small CODE 'WORDS|WORDS' ARGS…: ends with CODE, one line with all WORDS, and at most 150 MB at its peak
small() {
  code=$1
  words=$2
  shift 2
  runs "$python" measure.py 150 "$CONTRAGAP" "$@"
  want_rc "$code"
  old=$IFS
  IFS='|'
  # shellcheck disable=SC2086
  set -- $words
  IFS=$old
  want_line err "$@"
  checks=$((checks + 1))
  grep -q -e libasan -e libtsan "$CONTRAGAP" || [ "$(cat peak)" -lt 150 ] || complain "$(cat peak) MB at its peak"
}

for file in chunks one_block packed virtual unwritten external; do
  small 3 "$file.h5:/class_text|claims 4800000000 bytes|are stored" audit $file.h5 --memory 300M --json
  small 3 "$file.h5:/class_text|claims 4800000000 bytes|are stored" train $file.h5 -o new --memory 300M
  small 3 "$file.h5:/class_text|claims 4800000000 bytes|are stored" convert $file.h5 -o new.h5
done
small 3 "rows.h5|claims 204800000000 bytes|0 are stored" audit rows.h5
small 3 "ids.h5|claims 20000000000 bytes|0 are stored" audit ids.h5
small 3 "head.h5:/image/weight|claims 3200000000 bytes|0 are stored" apply head.h5 pairs.h5 -o new.h5
small 5 "there.h5:/class_text|--memory allows 60M|--memory 62M" audit there.h5 --memory 60M
fine info over_packed.h5
want_text out "virtual over 1 file (there.h5)"
refused 5 "over_packed.h5:/class_text|--memory allows 60M" audit over_packed.h5 --memory 60M
fine info chunks.h5 --class-text none
want_text out "claims 4800000000 bytes"
fine audit fill.h5 --json
want_absent new new.h5
finish
