"""Files that are not read, of 24 images and 24 texts each (or of 24 rows), for advice.sh; and modules that stand in for
those that Debian does not have, with the calls that the advice makes."""
import bz2
import gzip
import json
import lzma
import os
import pickle
import struct
import sys
import zlib

import h5py
import numpy as np

os.chdir(sys.argv[1])
random = np.random.default_rng(0)
image, text = (random.normal(size=(24, 6)).astype("f4") for _ in range(2))
np.save("image.npy", image)
np.save("text.npy", text)
np.save("more.npy", text)
both = {"image": image, "text": text}


def put(name, data):
    with open(name, "wb") as f:
        f.write(data)


with h5py.File("pairs.h5", "w") as f:
    f["image"], f["text"] = image, text
pairs = open("pairs.h5", "rb").read()

# pickles
put("it's a frame.pkl", b"\x80\4\x8c\x11pandas.core.frame\x8c\tDataFrame\x93)\x81}b.")
put("packed.joblib", bz2.compress(pickle.dumps(both)))
put("packed_xz.joblib", lzma.compress(pickle.dumps(both)))

# structures
table = np.zeros(24, [("id", "i8"), ("image_embedding", "f4", (6,)), ("text_embedding", "f4", (6,))])
table["image_embedding"], table["text_embedding"] = image, text
np.save("structured.npy", table)
np.savez("structured_in.npz", table=table)
np.save("columns.npy", np.rec.fromarrays([np.arange(24), *image.T], names=["id"] + ["d%d" % k for k in range(6)]))
with h5py.File("structured.h5", "w") as f:
    f["table"] = table

# text
items = [{"id": i, "image": image[i].tolist(), "text": text[i].tolist()} for i in range(24)]

# known by their first bytes; the modules below read them in the true ones' place
put("matrices.mat", b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + bytes(100))
put("table.parquet", b"PAR1" + bytes(100) + b"PAR1")
put("table.arrow", b"ARROW1" + bytes(100) + b"ARROW1")
put("index.faiss", b"IxFI" + bytes(100))
os.mkdir("modules")
put("modules/joblib.py", b"""
import bz2, lzma, pickle
def load(path): return pickle.loads((lzma if "xz" in path else bz2).decompress(open(path, "rb").read()))
def dump(value, path): pickle.dump(value, open(path, "wb"))
""")
put("modules/faiss.py", b"""
import numpy
class index:
    ntotal = 24
    def reconstruct_n(self, first, count): return numpy.load("image.npy")[first:first + count]
def read_index(path): return index()
""")
put("modules/pandas.py", b"""
import numpy
def read_parquet(path): return {"image": list(numpy.load("image.npy")), "text": list(numpy.load("text.npy"))}
read_feather = read_parquet
def read_pickle(path): return read_parquet(path)
""")
os.mkdir("modules/scipy")
put("modules/scipy/__init__.py", b"")
put("modules/scipy/io.py", b"""
import numpy
def loadmat(path): return {"__header__": b"", "image": numpy.load("image.npy"), "text": numpy.load("text.npy")}
""")

# packed and in use
put("two words.h5.gz", gzip.compress(pairs))
put("pairs.h5.bz2", bz2.compress(pairs))
put("pairs.h5.xz", lzma.compress(pairs))
put("annexed", b"/annex/objects/SHA256E-s3968--abc.npy\n")
put("classic.nc", b"CDF\1" + struct.pack(">IIIIIII", 0, 0, 0, 0, 0, 0, 0))
if os.fork() == 0:  # as a program leaves it that is killed while it writes
    f = h5py.File("in use.h5", "w", libver="latest")
    f["image"], f["text"] = image, text
    f.flush()
    os._exit(0)
os.wait()
with h5py.File("many names.h5", "w") as f:
    for k in range(20):
        f["rows%d" % k] = image


def with_filter(name, number):
    with h5py.File(name, "w") as f:
        for side, rows in ((b"image", image), (b"text", text)):
            plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            plan.set_chunk(rows.shape)
            plan.set_filter(number, h5py.h5z.FLAG_OPTIONAL, (0,))
            d = h5py.h5d.create(f.id, side, h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple(rows.shape), plan)
            d.write_direct_chunk((0, 0), rows.tobytes(), 0)


with_filter("lzo.h5", 305)
with_filter("unknown.h5", 300)
try:
    import tables

    with tables.open_file("packed.h5", "w", filters=tables.Filters(1, "lzo")) as f:
        f.create_carray("/", "image", obj=image)
        f.create_carray("/", "text", obj=text)
except ImportError:
    pass
