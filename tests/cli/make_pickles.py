"""The files of pickles.sh: what pickle, NumPy, torch.save and joblib write, and pickles that no program would.

PyTorch and joblib need not be here: stand-ins for their classes write the same bytes. make_pickles.py FOLDER [ROWS]
"""
import collections
import os
import pickle
import struct
import sys
import types
import zipfile

import numpy as np

os.chdir(sys.argv[1])
N, D = int((sys.argv + [40])[2]), 12
random = np.random.default_rng(11)
image = random.normal(size=(N, D)).astype("f4")
text = (image + 0.5 * random.normal(size=(N, D))).astype("f4")
ids = ["im%03d.jpg" % (7 * k % N) for k in range(N)]
labels = np.arange(N) % 3
order = random.permutation(N)


def put(name, data):
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    with open(name, "wb") as out:
        out.write(data)


def dump(name, value, protocol=4):
    put(name, pickle.dumps(value, protocol))


np.savez("ref.npz", image=image, text=text)
np.savez("ref64.npz", image=image.astype("f8"), text=text.astype("f8"))
np.savez("labelled.npz", image=image, text=text, labels=labels, class_text=text[:3])
np.savez("named.npz", image=image, text=text[order], image_id=ids, text_id=[ids[k] for k in order])

# ---- Python and NumPy, each protocol
for p in range(6):
    dump(f"arrays{p}.pkl", {"image": image, "text": text}, p)
    dump(f"big{p}.pkl", {"image": image.astype(">f4"), "text": np.asfortranarray(text)}, p)
    dump(f"lists{p}.pkl", {"image": image.tolist(), "text": text.tolist()}, p)
    dump(f"rows{p}.pkl", {"emb": {"image": list(image), "text": tuple(text[:, None])}}, p)
    dump(f"labels{p}.pkl", {"image": image, "text": text, "labels": labels.tolist(), "class_text": text[:3]}, p)
    dump(f"ids{p}.pkl", {"image": dict(zip(ids, image)), "text": {ids[k]: text[k] for k in order}}, p)
    dump(f"more{p}.pkl", {"image": image, "text": text, "captions": [["a %d" % k, "é"] for k in range(N)],
                          "tokens": [list(range(k % 5 + 1)) for k in range(500)], "words": [["a"] * (k % 3) for k in range(N)],
                          "sets": {1, 2}, "lr": 0.1, "none": None, "big": 1 << 70}, p)
    dump(f"pair{p}.pkl", (image, text), p)
    dump(f"records{p}.pkl", [{"key": i, "image": a, "text": list(map(float, b))} for i, a, b in zip(ids, image, text)], p)
dump("image.pickle", image)
dump("text.p", text, 0)
dump("scalars.pkl", [np.float32(1.5), np.float64(2), np.float16(3)])
np.save("objects.npy", {"image": image, "text": text}, allow_pickle=True)
rows = np.empty(N, object)
rows[:] = list(image)
np.save("image_rows.npy", rows, allow_pickle=True)
np.save("text_rows.npy", text)
rows[:] = list(text)
np.save("more_rows.npy", rows, allow_pickle=True)

# ---- torch.save
torch = types.ModuleType("torch")
utils = types.ModuleType("torch._utils")
sys.modules.update({"torch": torch, "torch._utils": utils})
KINDS = {"f4": "FloatStorage", "f2": "HalfStorage", "f8": "DoubleStorage", "i8": "LongStorage", "u2": "BFloat16Storage"}
for kind in KINDS.values():
    setattr(torch, kind, type(kind, (), {"__module__": "torch"}))


def rebuild(*parts):
    raise AssertionError


rebuild.__module__, rebuild.__qualname__, rebuild.__name__ = "torch._utils", "_rebuild_tensor_v2", "_rebuild_tensor_v2"
utils._rebuild_tensor_v2 = rebuild


class Storage:
    def __init__(self, array):
        self.array = array
        self.kind = getattr(torch, KINDS[array.dtype.str[1:]])


class Tensor:
    def __init__(self, array, storage=None, offset=0, stride=None):
        self.storage = storage or Storage(np.ascontiguousarray(array))
        self.parts = offset, array.shape, stride or tuple(s // array.itemsize for s in np.ascontiguousarray(array).strides)

    def __reduce_ex__(self, protocol):
        return rebuild, (self.storage, *self.parts, False, collections.OrderedDict())


class Writer(pickle.Pickler):
    def __init__(self, out, protocol, legacy):
        super().__init__(out, protocol)
        self.legacy, self.storages = legacy, []

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        if value not in self.storages:
            self.storages.append(value)
        key = str(self.storages.index(value))
        return ("storage", value.kind, key, "cpu", value.array.size) + ((None,) if self.legacy else ())


def torch_save(name, value, protocol=2, legacy=False, big=False):
    out = __import__("io").BytesIO()
    writer = Writer(out, protocol, legacy)
    writer.dump(value)
    raw = [s.array.astype(s.array.dtype.newbyteorder(">" if big else "<")).tobytes() for s in writer.storages]
    if legacy:
        system = {"protocol_version": 1001, "little_endian": not big, "type_sizes": {"short": 2, "int": 4, "long": 4}}
        keys = [str(k) for k in range(len(raw))]
        parts = [0x1950A86A20F9469CFC6C, 1001, system]
        size = ">q" if big else "<q"
        put(name, b"".join(pickle.dumps(p, 2) for p in parts) + out.getvalue() + pickle.dumps(keys, 2)
            + b"".join(struct.pack(size, s.array.size) + r for s, r in zip(writer.storages, raw)))
        return
    top = os.path.basename(name)[:-3]
    with zipfile.ZipFile(name, "w") as archive:
        archive.writestr(f"{top}/data.pkl", out.getvalue())
        archive.writestr(f"{top}/byteorder", "big" if big else "little")
        for k, r in enumerate(raw):
            archive.writestr(f"{top}/data/{k}", r)
        archive.writestr(f"{top}/version", "3\n")


both = {"image": Tensor(image), "text": Tensor(text)}
half = {key: Tensor((a.view("u4") >> 16).astype("u2")) for key, a in (("image", image), ("text", text))}
shared = Storage(image)
wide = Storage(np.ascontiguousarray(np.concatenate([text, text], 1)))
for legacy in (False, True):
    t = "old" if legacy else "new"
    for p in range(2, 6):
        torch_save(f"{t}{p}.pt", both, p, legacy)
    torch_save(f"{t}_big.pt", both, 2, legacy, big=True)
    torch_save(f"{t}_half.pt", half, 2, legacy)
    torch_save(f"{t}_image.pth", Tensor(image), 2, legacy)
    torch_save(f"{t}_text.pth", Tensor(text), 2, legacy)
    torch_save(f"{t}_labels.pt", {**both, "labels": Tensor(labels), "class_text": Tensor(text[:3])}, 2, legacy)
    # one storage for all rows of the images, one for each text
    torch_save(f"{t}_ids.pt", {"image": {i: Tensor(image[k], shared, k * D, (1,)) for k, i in enumerate(ids)},
                               "text": {ids[k]: Tensor(text[k]) for k in order}}, 2, legacy)
    # a transposed matrix, and half of the columns of another
    torch_save(f"{t}_views.pt", {"image": Tensor(image, Storage(np.ascontiguousarray(image.T)), 0, (1, N)),
                                 "text": Tensor(text, wide, D, (2 * D, 1))}, 2, legacy)
    torch_save(f"{t}_odd.pt", {"image": Tensor(image), "text": Tensor(text, wide, 0, (2 * D, 2))}, 2, legacy)
upper = {key: (a.view("u4") >> 16 << 16).view("f4") for key, a in (("image", image), ("text", text))}
np.savez("upper.npz", **upper)

# ---- joblib: the elements follow their description
joblib = types.ModuleType("joblib.numpy_pickle")
sys.modules.update({"joblib": types.ModuleType("joblib"), "joblib.numpy_pickle": joblib})


class NumpyArrayWrapper:
    __module__ = "joblib.numpy_pickle"


joblib.NumpyArrayWrapper = NumpyArrayWrapper


class JoblibWriter(pickle._Pickler):
    aligned = True

    def save(self, value, *rest):
        if not isinstance(value, np.ndarray):
            return super().save(value, *rest)
        fortran = value.flags.f_contiguous and not value.flags.c_contiguous
        wrapper = NumpyArrayWrapper()
        wrapper.__dict__.update(subclass=np.ndarray, shape=value.shape, order="F" if fortran else "C", dtype=value.dtype,
                                allow_mmap=True)
        if self.aligned:
            wrapper.numpy_array_alignment_bytes = 16
        super().save(wrapper)
        if self.proto >= 4:
            self.framer.commit_frame(force=True)
        if self.aligned:
            padding = 16 - (self.out.tell() + 1) % 16
            self.out.write(bytes([padding]) + b"\xff" * padding)
        self.out.write(value.tobytes("F" if fortran else "C"))


for p in range(2, 6):
    for aligned in (True, False):
        with open(f"array{p}{'a' if aligned else ''}.joblib", "wb") as out:
            writer = JoblibWriter(out, p)
            writer.out, writer.aligned = out, aligned
            writer.dump({"image": image, "text": np.asfortranarray(text), "ids": ids})

# ---- hostile
Q = struct.Struct("<Q").pack
I = struct.Struct("<I").pack
SYSTEM = b"cposix\nsystem\n"
RUN = b"X\x0d\0\0\0touch has_run"
ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\0tC\1btR"
F4 = b"cnumpy\ndtype\n(X\2\0\0\0f4K\0K\1tR(K\3X\1\0\0\0<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"


def array(shape, data, kind=F4, rest=b""):
    return b"\x80\4" + ARRAY + b"(K\1" + shape + kind + b"\x89" + data + b"tb" + rest + b"."


def long8(value):
    return b"\x8a\x09" + struct.pack("<q", value) + b"\0" if value >= 1 << 63 else b"\x8a\x08" + struct.pack("<q", value)


floats = b"C\x30" + bytes(48)
hostile = {
    # functions: none is run
    "system": b"\x80\2" + SYSTEM + b"(" + RUN + b"tR.",
    "system_protocol_0": b"cos\nsystem\n(S'touch has_run'\ntR.",
    "system_by_names": b"\x80\4\x8c\2os\x8c\6system\x93(" + RUN + b"tR.",
    "system_inst": b"(" + RUN + b"ios\nsystem\n.",
    "system_obj": b"\x80\2(" + SYSTEM + RUN + b"o.",
    "system_newobj": b"\x80\2" + SYSTEM + b"(" + RUN + b"t\x81.",
    "system_newobj_ex": b"\x80\4" + SYSTEM + b"(" + RUN + b"t}\x92.",
    "eval": b"\x80\2cbuiltins\neval\n(X\x0f\0\0\0open('has_run','w')"[:-9] + b"tR.",
    "exec_python_2": b"c__builtin__\nexec\n(S'1'\ntR.",
    "getattr": b"\x80\2cbuiltins\ngetattr\n(cbuiltins\ndict\nX\3\0\0\0gettR.",
    "import": b"\x80\2cbuiltins\n__import__\n(X\2\0\0\0ostR.",
    "numpy_run": b"\x80\2cnumpy.testing._private.utils\nrunstring\n(" + RUN + b"}tR.",
    "subprocess": b"\x80\2csubprocess\nPopen\n(" + RUN + b"tR.",
    "torch_load": b"\x80\2ctorch.serialization\nload\n(X\1\0\0\0atR.",
    "pandas": b"\x80\4\x8c\x11pandas.core.frame\x8c\tDataFrame\x93)\x81}b.",
    "dill": b"\x80\4\x8c\ndill._dill\x8c\x10_create_function\x93.",
    "name_with_dots": b"\x80\4\x8c\x08builtins\x8c\x10list.__reduce_ex\x93.",
    "name_with_line_end": b"\x80\4\x8c\x05numpy\x8c\x0cdtype\n\x1b[31mX\x93.",
    "state_of_a_list": b"\x80\2]}b.",
    "state_of_a_function": b"\x80\2cnumpy\nndarray\n}X\1\0\0\0aK\1sb.",
    "state_of_an_array": b"\x80\2" + ARRAY + b"}X\x08\0\0\0__dict__}sb.",
    "state_twice": array(b"K\4K\3\x86", floats, rest=b"(K\1)" + F4 + b"\x89C\0tb"),
    "call_a_list": b"\x80\2](K\1tR.",
    "call_a_class": b"\x80\2cnumpy\nndarray\n(K\4tR.",
    "arguments_a_list": b"\x80\2cnumpy\ndtype\n]R.",
    "reconstruct_other": b"\x80\2cnumpy.core.multiarray\n_reconstruct\n(cnumpy\ndtype\n(K\0tC\1btR.",
    "encode_zip": b"\x80\2c_codecs\nencode\n(X\1\0\0\0aX\3\0\0\0ziptR.",
    "extension_1": b"\x80\2\x82\1.",
    "extension_2": b"\x80\2\x83\1\0.",
    "extension_4": b"\x80\2\x84\1\0\0\0.",
    "persistent": b"\x80\2(X\7\0\0\0storageK\1tQ.",
    "persistent_text": b"(I1\nPpassword\nt.",
    "next_buffer": b"\x80\5\x97.",
    "readonly_buffer": b"\x80\5N\x98.",
    # sizes
    "string_2_60": b"\x80\4\x8d" + Q(1 << 60) + b"abc.",
    "bytes_2_60": b"\x80\4\x8e" + Q(1 << 60) + b"abc.",
    "bytes_2_64": b"\x80\4\x8e" + Q((1 << 64) - 1) + b"abc.",
    "bytearray_2_60": b"\x80\5\x96" + Q(1 << 60) + b"abc.",
    "bytes_4g": b"\x80\3B" + I(0xFFFFFFFF) + b"abc.",
    "string_4g": b"\x80\2X" + I(0xFFFFFFFF) + b"abc.",
    "long_4g": b"\x80\2\x8b" + I(0x7FFFFFFF) + b"abc.",
    "long_negative": b"\x80\2\x8b" + I(0xFFFFFFFF) + b"abc.",
    "frame_2_60": b"\x80\4\x95" + Q(1 << 60) + b"].",
    "memo_4g": b"\x80\2]r" + I(0xFFFFFFFF) + b".",
    "memo_text_2_64": b"(lp18446744073709551615\n.",
    "memo_negative": b"(lp-1\n.",
    "memo_empty": b"\x80\2h\x05.",
    "shape_2_60": array(long8(1 << 60) + b"K\3\x86", floats),
    "shape_overflow": array(long8(1 << 33) + long8(1 << 33) + b"\x86", floats),
    "shape_wraps": array(long8(1 << 62) + long8(4) + b"\x86", b"C\0"),
    "shape_negative": array(long8(-4) + b"K\3\x86", floats),
    "shape_more": array(b"K\4K\4\x86", floats),
    "shape_less": array(b"K\2K\3\x86", floats),
    "shape_of_text": array(b"X\1\0\0\0aK\3\x86", floats),
    "shape_of_9": array(b"(" + b"K\1" * 9 + b"t", b"C\4" + bytes(4)),
    "objects_as_bytes": array(b"K\4K\3\x86", floats, b"cnumpy\ndtype\n(X\2\0\0\0O8K\0K\1tR"),
    "items_of_objects": array(b"K\5\x85", b"](K\1K\2e", b"cnumpy\ndtype\n(X\2\0\0\0O8K\0K\1tR"),
    "type_of_nothing": array(b"K\4K\3\x86", floats, b"cnumpy\ndtype\n(X\0\0\0\0K\0K\1tR"),
    "type_2_60": array(b"K\4K\3\x86", floats, b"cnumpy\ndtype\n(X\x14\0\0\0V1152921504606846976K\0K\1tR"),
    "type_missing": array(b"K\4K\3\x86", floats, b"N"),
    "empty_array": b"\x80\2" + ARRAY + b".",
    "latin_too_short": array(b"K\4K\3\x86", b"c_codecs\nencode\n(X\x30\0\0\0" + "é".encode() * 24 + b"X\6\0\0\0latin1tR"),
    # structure
    "nothing": b"\x80\2.",
    "no_end": b"\x80\2]",
    "only_the_mark": b"\x80\4",
    "underflow": b"\x80\2a.",
    "underflow_0": b"(0000.",
    "underflow_tuple": b"\x80\2K\1\x87.",
    "mark_missing": b"\x80\2K\1t.",
    "mark_left": b"\x80\2((]K\1.",
    "append_to_a_number": b"\x80\2K\1K\2a.",
    "append_below_a_mark": b"\x80\2](K\1a.",
    "set_in_a_list": b"\x80\2]K\1K\2s.",
    "odd_items": b"\x80\2}(K\1u.",
    "odd_dict": b"(I1\nd.",
    "wrong_opcode": b"\x80\2\xff.",
    "opcode_0": b"\x80\2\0.",
    "protocol_9": b"\x80\x09N.",
    "no_number": b"(I12x\n.",
    "no_float": b"(Fone\n.",
    "no_quotes": b"(Stext\n.",
    "line_of_a_megabyte": b"(I" + b"1" * (1 << 20) + b"\n.",
    "two_pickles": pickle.dumps({"image": image}) + pickle.dumps({"text": text}),
    "bytes_behind": pickle.dumps({"image": image, "text": text}) + b"more",
    "numbers_alone": pickle.dumps({"lr": 0.1, "epochs": 3}),
    "depth": b"\x80\2" + b"(" * 200000 + b"l" * 200000 + b".",
    "marks": b"\x80\2" + b"(" * 2000000 + b".",
    "lists_in_lists": b"\x80\2" + b"]" * 100000 + b"a" * 99999 + b".",
    "tuples_in_tuples": b"\x80\2)" + b"\x85" * 300000 + b".",
    "itself": b"\x80\2]q\0h\0a.",
    "itself_in_a_dict": b"\x80\2}q\0X\5\0\0\0imageh\0s.",
    "itself_as_objects": b"\x80\2" + ARRAY + b"q\0(K\1)cnumpy\ndtype\n(X\2\0\0\0O8K\0K\1tR\x89]h\0atb.",
    # much from little
    "laughs": b"\x80\2" + b"".join(b"](" + (b"h" + bytes([k - 1])) * 200 + b"eq" + bytes([k]) if k
                                      else b"](" + b"G" + bytes(8) + b"eq\0" for k in range(12)) + b".",
    "one_list_often": b"\x80\2](" + (b"G" + bytes(8)) * 2000 + b"eq\0](" + b"h\0" * 100000 + b"e.",
    "one_array_often": array(b"K\4K\3\x86", floats)[:-1] + b"q\0](" + b"h\0" * 500000 + b"e.",
    "one_text_often": b"\x80\2X" + I(1 << 20) + b"a" * (1 << 20) + b"q\0](" + b"h\0" * 50000 + b"e.",
    "one_dict_often": b"\x80\2}(" + b"".join(b"X\4\0\0\0%04d](G" % k + bytes(8) + b"e" for k in range(2000)) + b"uq\0]("
                      + pickle.dumps({"%04d" % k: [0.5] for k in range(2000)}, 2)[2:-1] + b"h\0" * 50000 + b"e.",
    "numbers_copied": b"\x80\2](" + (b"G" + bytes(8)) * 1000 + b"eq\0\x85q\1" + b"cbuiltins\nlist\nq\2" + b"h\2h\1R0" * 30000 + b"N.",
    "nones": b"\x80\2(" + b"N" * 5000000 + b"t.",
    "empty_lists": b"\x80\2(" + b"]" * 4000000 + b"t.",
    "memo_of_nothing": b"\x80\2N" + b"".join(b"r" + I(k * 60000) for k in range(1, 30000)) + b".",
    "different_texts": pickle.dumps(["a"] * 99999 + ["b" * 999999]),
}
for name, data in hostile.items():
    put(f"hostile/{name}.pkl", data)


def torch_hostile(name, change=lambda data: data, members=None, keep=True):
    torch_save("whole.pt", both)
    with zipfile.ZipFile("whole.pt") as whole, zipfile.ZipFile(f"hostile/{name}.pt", "w") as out:
        for entry in whole.namelist():
            data = whole.read(entry)
            if entry.endswith("data.pkl"):
                data = change(data)
            if members and entry.endswith(members):
                if not keep:
                    continue
                data = data[:100]
            out.writestr(entry, data)


STORAGE = b"(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0%dX\3\0\0\0cpu%stQ"


def tensor(key=0, numel=b"J" + I(N * D), offset=b"K\0", size=b"K" + bytes([N]) + b"K\x0c\x86", stride=b"K\x0cK\1\x86"):
    one = b"ctorch._utils\n_rebuild_tensor_v2\n(" + STORAGE % (key, numel) + offset + size + stride + b"\x89}tR"
    return lambda data: b"\x80\2}(X\5\0\0\0image" + one + b"X\4\0\0\0text" + one + b"u."


torch_hostile("storage_cut", members="data/1")
torch_hostile("storage_missing", members="data/1", keep=False)
torch_hostile("storage_2_60", tensor(numel=long8(1 << 60)))
torch_hostile("storage_negative", tensor(numel=long8(-1)))
torch_hostile("storage_of_nowhere", tensor(key=7))
torch_hostile("offset_behind", tensor(offset=b"K\1"))
torch_hostile("offset_2_62", tensor(offset=long8(1 << 62)))
torch_hostile("size_2_60", tensor(size=long8(1 << 60) + b"K\x0c\x86"))
torch_hostile("size_wraps", tensor(size=long8(1 << 62) + b"K\4\x86", stride=b"K\4K\1\x86"))
torch_hostile("rows_repeated", tensor(size=long8(1 << 40) + b"K\x0c\x86", stride=b"K\0K\1\x86"))
torch_hostile("rows_overlap", tensor(size=b"K\x64K\x64\x86", stride=b"K\1K\1\x86"))
torch_hostile("stride_2_62", tensor(stride=long8(1 << 62) + b"K\1\x86"))
torch_hostile("stride_missing", tensor(stride=b"K\1\x85"))
torch_hostile("persistent_nonsense", lambda data: b"\x80\2K\1Q.")
torch_hostile("persistent_function", lambda data: b"\x80\2(X\7\0\0\0storage" + SYSTEM + b"X\1\0\0\0" + b"0NK\1tQ.")
torch_hostile("torch_system", lambda data: b"\x80\2" + SYSTEM + b"(" + RUN + b"tR.")
torch_hostile("torch_pickle_cut", lambda data: data[:-9])
with zipfile.ZipFile("new2.pt") as whole, zipfile.ZipFile("hostile/deflated.pt", "w", zipfile.ZIP_DEFLATED) as out:
    for entry in whole.namelist():
        out.writestr(entry, whole.read(entry))
bits = bytearray(open("new2.pt", "rb").read())
bits[bits.find(image.tobytes()[:24]) + 3] ^= 0x40
put("hostile/bits.pt", bytes(bits))
old = open("old2.pt", "rb").read()
put("hostile/old_cut.pt", old[:-5])
put("hostile/old_more.pt", old + b"x")
put("hostile/old_mark.pt", old[:15])
put("hostile/old_size.pt", old.replace(struct.pack("<q", N * D), struct.pack("<q", 1 << 58)))
put("hostile/old_fewer.pt", old.replace(struct.pack("<q", N * D), struct.pack("<q", N * D - 1), 1))
whole = open("array4a.joblib", "rb").read()
put("hostile/cut.joblib", whole[:-200])
put("hostile/zlib.joblib", b"\x78\x9c" + bytes(50))
np.save("hostile/table.npy", np.array([[1, 2], [3, 4]], object), allow_pickle=True)
put("cut/whole.pkl", pickle.dumps({"image": image[:3, :2], "text": [[1.5, 2.0]] * 3, "id": {"a": 1}}, 2))
