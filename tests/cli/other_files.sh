# Files that a file makes the program read: links, virtual sources, external files. Inside its folder they are read and
# named; outside only with --follow; FIFOs and devices never, and nothing waits for one.
. "$(dirname "$0")/lib.sh"
python=/usr/bin/python3
"$python" -c 'import h5py' 2>/dev/null || skip "h5py is not here (Debian: python3-h5py)"

"$python" - <<'END' || exit 99
import os, h5py, numpy as np
r = np.random.default_rng(0)
image, text = (r.normal(size=(20, 4)).astype("f4") for _ in range(2))
os.makedirs("in/below"), os.mkdir("far")
for folder in ("in", "in/below", "far"):
    with h5py.File(folder + "/other.h5", "w") as f:
        f["rows"] = image
    image.tofile(folder + "/raw.bin")
os.mkfifo("in/fifo")
os.symlink("../far/other.h5", "in/disguised.h5")

def layout(source, grows):
    shape, most = (20, 4), (None, 4)
    l = h5py.VirtualLayout(shape=shape, dtype="f4", maxshape=most if grows else None)
    s = h5py.VirtualSource(source, "rows", shape=shape, maxshape=most if grows else None)
    if grows:
        l[:h5py.h5s.UNLIMITED, :] = s[:h5py.h5s.UNLIMITED, :]
    else:
        l[:] = s
    return l

def make(kind, where, other, raw):
    with h5py.File("in/%s_%s.h5" % (kind, where), "w") as f:
        f["text"] = text
        if kind == "link":
            f["image"] = h5py.ExternalLink(other, "/rows")
        elif kind == "external":
            f.create_dataset("image", shape=(20, 4), dtype="f4", external=[(os.path.abspath(raw), 0, 320)])
        else:
            f.create_virtual_dataset("image", layout(other, kind == "growing"))

for kind in ("link", "virtual", "growing", "external"):
    make(kind, "near", "other.h5", "in/raw.bin")
    make(kind, "below", "below/other.h5", "in/below/raw.bin")
    make(kind, "outside", "../far/other.h5", "far/raw.bin")
    make(kind, "fifo", "fifo", "in/fifo")
    make(kind, "device", "/dev/zero", "/dev/zero")
make("link", "disguised", "disguised.h5", "")
make("virtual", "disguised", "disguised.h5", "")
with h5py.File("in/between.h5", "w") as f:
    f["rows"] = h5py.ExternalLink("../far/other.h5", "/rows")
    f.create_virtual_dataset("virtual", layout("../far/other.h5", False))
make("link", "twice", "between.h5", "")
make("virtual", "twice", "between.h5", "")
with h5py.File("in/virtual_again.h5", "w") as f:
    f["text"] = text
    l = h5py.VirtualLayout(shape=(20, 4), dtype="f4")
    l[:] = h5py.VirtualSource("between.h5", "virtual", shape=(20, 4))
    f.create_virtual_dataset("image", l)
# through a path of its own, and as the variable of Octave that a group pretends to be
with h5py.File("in/soft.h5", "w") as f:
    f["text"] = text
    f["away"] = h5py.ExternalLink("../far/other.h5", "/")
    f["image"] = h5py.SoftLink("/away/rows")
with h5py.File("in/octave.h5", "w") as f:
    f["text"] = text
    f["image/type"] = np.array(b"matrix", dtype="S7")
    f["image"].attrs["OCTAVE_NEW_FORMAT"] = np.uint8(1)
    f["image/value"] = h5py.ExternalLink("../far/other.h5", "/rows")
with h5py.File("whole.h5", "w") as f:
    f["image"], f["text"] = image, text
with h5py.File("in/lzf_near.h5", "w") as f: # long runs and noise; ids through HDF5, rows too
    f.create_dataset("image", data=image, chunks=(7, 4), compression="lzf", shuffle=True)
    f.create_dataset("text", data=text, chunks=(20, 3), compression="lzf")
    ids = np.array([b"x" * 500 + b"%d" % i for i in range(20)])
    for name in ("image_id", "text_image_id"):
        f.create_dataset(name, data=ids, chunks=(20,), compression="lzf")
    f.create_dataset("labels", data=np.zeros(20, "i8"), chunks=(20,), compression="lzf", fletcher32=True)
    at = f["image_id"].id.get_chunk_info(0).byte_offset
whole = open("in/lzf_near.h5", "rb").read()
for name, byte in (("zeros", b"\0"), ("ones", b"\xff")):
    open("in/lzf_%s.h5" % name, "wb").write(whole[:at] + 100 * byte + whole[at + 100:])
with h5py.File("in/lz4.h5", "w") as f:
    f["text"] = text
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_chunk((20, 4))
    plan.set_filter(32004, h5py.h5z.FLAG_OPTIONAL, (0,))
    d = h5py.h5d.create(f.id, b"image", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((20, 4)), plan)
    d.write_direct_chunk((0, 0), image.tobytes(), 0)
with h5py.File("in/nbit.h5", "w") as f:
    f["text"] = text
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_chunk((20, 4))
    plan.set_filter(h5py.h5z.FILTER_NBIT, 0, ())
    d = h5py.h5d.create(f.id, b"image", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((20, 4)), plan)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, image)

# 1200 sources, and 10,000 parts of one; with and without an end
os.mkdir("many")
unlimited, grows = h5py.h5s.UNLIMITED, h5py.h5s.create_simple((1, 4), (h5py.h5s.UNLIMITED, 4))
for i in range(1200):
    with h5py.File("many/%d.h5" % i, "w", libver="latest") as f:
        f.create_dataset("rows", data=r.normal(size=(1, 4)).astype("f4"), maxshape=(None, 4), chunks=(1, 4))
with h5py.File("many/fixed.h5", "w") as f, h5py.File("many/grown.h5", "w") as g:
    for name in ("image", "text"):
        l = h5py.VirtualLayout(shape=(1200, 4), dtype="f4")
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        all = h5py.h5s.create_simple((1200, 4), (unlimited, 4))
        for i in range(1200):
            l[i:i + 1] = h5py.VirtualSource("%d.h5" % i, "rows", shape=(1, 4))
            all.select_hyperslab((i, 0), (unlimited, 1), (1200, 4), (1, 4))
            grows.select_hyperslab((0, 0), (unlimited, 1), (1, 4), (1, 4))
            plan.set_virtual(all, b"%d.h5" % i, b"rows", grows)
        f.create_virtual_dataset(name, l)
        h5py.h5d.create(g.id, name.encode(), h5py.h5t.IEEE_F32LE, all, plan)
with h5py.File("many/parts.h5", "w") as f:
    f["rows"], f["text"] = r.normal(size=(2, 10000, 4)).astype("f4")
    l = h5py.VirtualLayout(shape=(10000, 4), dtype="f4")
    for i in range(10000):
        l[i:i + 1] = h5py.VirtualSource(".", "rows", shape=(10000, 4))[i:i + 1]
    f.create_virtual_dataset("image", l)

# an attribute that HDF5 reads past its heap for, on a dataset over 100 files
with h5py.File("many/hostile.h5", "w") as f:
    f["text"] = r.normal(size=(100, 4)).astype("f4")
    l = h5py.VirtualLayout(shape=(100, 4), dtype="f4")
    for i in range(100):
        l[i:i + 1] = h5py.VirtualSource("%d.h5" % i, "rows", shape=(1, 4))
    f.create_virtual_dataset("image", l)
    f["image"].attrs["about"] = "hostile"
whole = bytearray(open("many/hostile.h5", "rb").read())
at = whole.index(b"hostile", whole.index(b"GCOL"))
whole[at - 5] = 0x80 # the size of the string in the heap
open("many/hostile.h5", "wb").write(whole)
END

# soon ARGS…: run, ended after 20 seconds where it waits
soon() {
  runs timeout -s KILL 20 "$CONTRAGAP" "$@"
}

# stopped WORDS ARGS…: exit 3, one line with all WORDS ('|' between them), nothing on stdout
stopped() {
  words=$1
  shift
  soon "$@"
  want_rc 3
  old=$IFS
  IFS='|'
  set -f
  # shellcheck disable=SC2086
  set -- $words
  set +f
  IFS=$old
  want_line err "$@"
}

fine audit whole.h5 --json
grep -v -e whole.h5 -e seconds -e '"run"' out | sed '/"input"/,$d' >right
for kind in link virtual growing external; do
  for where in near below; do
    soon audit in/${kind}_$where.h5 --json
    want_rc 0
    sed '/"input"/,$d' out | grep -v -e _$where.h5 -e seconds >found
    checks=$((checks + 1))
    diff right found >/dev/null || complain "other values than of the whole file"
    case $kind in external) other=raw.bin ;; *) other=other.h5 ;; esac
    want_text out "$other" # the report names the other file
    soon info in/${kind}_$where.h5
    want_rc 0
    want_text out "$other"
  done
  stopped "in/${kind}_outside.h5|far/|outside the folder|--follow" audit in/${kind}_outside.h5 --json
  stopped "in/${kind}_outside.h5|far/|outside the folder|--follow" convert in/${kind}_outside.h5 -o new.h5
  stopped "--follow" info in/${kind}_outside.h5
  want_text out "outside the folder of this file: give --follow"
  soon audit in/${kind}_outside.h5 --follow --json
  want_rc 0
  want_text out "--follow"
  for where in fifo device; do
    stopped "in/${kind}_$where.h5|no regular file" audit in/${kind}_$where.h5 --follow
    stopped "in/${kind}_$where.h5|no regular file" info in/${kind}_$where.h5
    want_text out "no regular file"
  done
done
for file in link_disguised virtual_disguised link_twice virtual_twice virtual_again soft; do
  soon audit in/$file.h5 --json
  want_rc 3
  want_line err in/$file.h5
  soon audit in/$file.h5 --json --follow
  want_rc 0
done
stopped "in/octave.h5" audit in/octave.h5
want_absent new.h5

# filters: lzf needs no plugin; no code of a plugin runs without --plugins
mkdir plugins
HDF5_PLUGIN_PATH=$work/plugins
export HDF5_PLUGIN_PATH
soon audit in/lzf_near.h5 --json
want_rc 0
sed '/"input"/,$d' out | grep -v -e _near.h5 -e seconds -e image_name -e text_name >found
checks=$((checks + 1))
grep -v zero_shot right | sed 's/,$//' >right_unlabelled
grep -v zero_shot found | sed 's/,$//' | diff right_unlabelled - >difference || complain "other values than of the whole file" "$(head -c 500 difference)"
for damage in zeros ones; do
  soon audit in/lzf_$damage.h5 --json
  want_rc 3
  want_line err "in/lzf_$damage.h5:/image_id"
done
soon audit in/nbit.h5 --json
want_rc 0
sed '/"input"/,$d' out | grep -v -e nbit.h5 -e seconds >found
checks=$((checks + 1))
diff right found >/dev/null || complain "other values than of the whole file"
stopped "lz4 (32004)|--plugins" audit in/lz4.h5
if command -v cc >/dev/null; then
  echo 'int creat(const char *, unsigned); __attribute__((constructor)) static void run(void) { creat("ran", 0600); }' >plugin.c
  works cc -shared -fPIC plugin.c -o plugins/libplugin.so
  stopped "lz4 (32004)|--plugins" info in/lz4.h5
  stopped "lz4 (32004)|--plugins" audit in/lz4.h5
  want_absent ran
  stopped "lz4 (32004), which is missing" audit in/lz4.h5 --plugins
  checks=$((checks + 1))
  [ -e ran ] || complain "HDF5 did not look at the plugin"
  # the process that checks is killed from outside
  printf '#include <signal.h>\n__attribute__((constructor)) static void run(void) { raise(SIGKILL); }\n' >plugin.c
  works cc -shared -fPIC plugin.c -o plugins/libplugin.so
  soon audit in/lz4.h5 --plugins
  want_rc 5
  want_line err "in/lz4.h5: the process that checks it was killed; is memory out?"
fi

# many sources: a sound file
for file in fixed grown parts; do
  soon info many/$file.h5 --image /image --text /text
  want_rc 0
done
# shellcheck disable=SC2016
soon_few() {
  runs sh -c 'ulimit -Sn 64; exec "$0" "$@"' timeout -s KILL 20 "$CONTRAGAP" "$@"
}
soon_few info many/hostile.h5
want_rc 3
want_line err "many/hostile.h5" "damaged or hostile"

# a FIFO in place of each input
mkfifo pipe.npy pipe.npz pipe.h5 pipe.safetensors pipe.json
mkdir texts && cp whole.h5 texts
for file in pipe.npy pipe.npz pipe.h5 pipe.safetensors; do
  stopped "$file: not a regular file" info $file
  stopped "$file: not a regular file" audit --image $file --text whole.h5:/text
  stopped "$file: not a regular file" apply $file whole.h5 -o new.h5
  stopped "$file: not a regular file" compare whole.h5 $file
  stopped "$file: not a regular file" convert $file -o new.h5
done
stopped "pipe.json" compare pipe.json pipe.json
fine audit whole.h5 -o report --quiet
rm report/report.json && mkfifo report/report.json
stopped "report" compare report report
fine train whole.h5 -o head --epochs 1 --batch 8 --quiet
for file in checkpoint.bin history.jsonl; do
  mv head/$file kept && mkfifo head/$file
  soon train whole.h5 -o head --epochs 1 --batch 8 --quiet --resume
  want_rc 3
  want_line err $file
  rm head/$file && mv kept head/$file
done
rm report/figures/*.tsv && mkfifo report/figures/variance.tsv
stopped "holds no table" plot report
finish
