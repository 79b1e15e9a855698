"""The files of containers.sh, by NumPy where it writes them and byte by byte where no NumPy would."""
import io
import json
import os
import struct
import sys
import zipfile

import numpy as np

os.chdir(sys.argv[1])
N, D = 48, 12
random = np.random.default_rng(5)
image = random.normal(size=(N, D))
text = image + 0.5 * random.normal(size=(N, D))
image, text = image.astype("f2"), text.astype("f2")  # exact in every wider type
NAMES = {"f2": "F16", "f4": "F32", "f8": "F64"}


def npy(array, version=(1, 0)):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version=version, allow_pickle=True)
    return out.getvalue()


def put(path, data):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as out:
        out.write(data)


def header(text_of, payload=b"", version=1, claims=None):
    """A .npy file with this dictionary."""
    length = len(text_of) if claims is None else claims
    size = struct.pack("<H" if version == 1 else "<I", length)
    return b"\x93NUMPY" + bytes([version, 0]) + size + text_of + payload


def dictionary(descr="<f4", order="False", shape="(4, 3)"):
    return f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()


# ---- sound: one folder a type, in every container
for kind in ("f2", "f4", "f8"):
    x, y = image.astype(kind), text.astype(kind)
    for version in (1, 2, 3) if kind == "f2" else (1,):
        for order in "<>":
            for layout in ("C", "F"):
                folder = f"{kind}/v{version}{'le' if order == '<' else 'be'}{layout}"
                for name, a in (("img_emb", x), ("text_emb", y)):
                    put(f"{folder}/{name}.npy", npy(np.array(a, dtype=order + kind, order=layout), (version, 0)))
    for layout in ("C", "F"):
        put(f"{kind}/both{layout}/embeddings.npy", npy(np.array([x, y], order=layout)))
    np.savez(f"{kind}/stored.npz", image=x, text=y)
    np.savez_compressed(f"{kind}/deflated.npz", image=x, text=np.asfortranarray(y))
    np.savez(f"{kind}/one.npz", pair=np.stack([x, y]))
    fields = {"image": {"dtype": NAMES[kind], "shape": [N, D], "data_offsets": [0, x.nbytes]},
              "text": {"dtype": NAMES[kind], "shape": [N, D], "data_offsets": [x.nbytes, x.nbytes + y.nbytes]},
              "__metadata__": {"format": "pt"}}
    head = json.dumps(fields).encode()
    put(f"{kind}/pairs.safetensors", struct.pack("<Q", len(head)) + head + x.tobytes() + y.tobytes())
    at, shards = 0, [3, 1, 7, 2, 5, 4, 6, 1, 2, 3, 8, 6]
    for k, rows in enumerate(shards):
        np_x, np_y = x[at : at + rows], y[at : at + rows]
        put(f"{kind}/clip/img_emb/img_emb_{k}.npy", npy(np_x))
        put(f"{kind}/clip/text_emb/text_emb_{k}.npy", npy(np_y))
        put(f"{kind}/flat/img_emb_{k}.npy", npy(np_x))
        put(f"{kind}/flat/text_emb_{k}.npy", npy(np_y))
        at += rows
    put(f"{kind}/clip/metadata/metadata_0.parquet", b"PAR1")
    assert at == N
np.save("first.npy", image.astype("f4"))
np.save("second.npy", text.astype("f4"))
bf = (image.astype("f4").view("u4") >> 16).astype("u2")
head = json.dumps({"image": {"dtype": "BF16", "shape": [N, D], "data_offsets": [0, bf.nbytes]},
                   "text": {"dtype": "BF16", "shape": [N, D], "data_offsets": [bf.nbytes, 2 * bf.nbytes]}}).encode()
put("bf16.safetensors", struct.pack("<Q", len(head)) + head + bf.tobytes() + bf[::-1].copy().tobytes())

# ---- what belongs to the sides: ids as strings, labels, class texts, several texts an image
captions = np.concatenate([text, text + np.float16(0.1)]).astype("f4")
owner = np.concatenate([np.arange(N), np.arange(N)[::-1]]).astype("<i4")
captions[N:] = captions[N:][::-1]
full = dict(image=image.astype("f4"), text=captions, labels=(np.arange(N) % 3).astype("u1"),
            class_text=text[:3].astype("f4"))
np.savez("full.npz", text_image=owner, **full)
ids = np.array([f"café{i}" for i in range(N)])
np.savez_compressed("ids_wide.npz", image_id=ids, text_image_id=ids[owner], **full)
np.savez("ids_bytes.npz", image_id=np.char.encode(ids, "utf-8"), text_image_id=np.char.encode(ids[owner], "utf-8"), **full)
for key, a in dict(full, text_image=owner.astype(">i8")).items():
    put(f"full/{key}.npy", npy(np.asfortranarray(a)))

# ---- hostile
hostile = {
    "claims_more.npy": header(dictionary(), b"", claims=60000),
    "claims_4g.npy": header(dictionary(), b"", version=2, claims=0xFFFFFFF0),
    "version9.npy": header(dictionary(), bytes(48), version=9),
    "overflow.npy": header(dictionary(shape="(4611686018427387904, 4611686018427387904)"), bytes(48)),
    "overflow2.npy": header(dictionary(shape="(99999999999999999999999, 3)"), bytes(48)),
    "product.npy": header(dictionary(shape="(4294967296, 4294967296)"), bytes(48)),
    "negative.npy": header(dictionary(shape="(-4, 3)"), bytes(48)),
    "no_rows.npy": header(dictionary(shape="(0, 3)")),
    "short.npy": header(dictionary(), bytes(47)),
    "trailing.npy": header(dictionary(), bytes(49)),
    "twice.npy": header(b"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (4, 3), }\n", bytes(48)),
    "missing.npy": header(b"{'descr': '<f4', 'shape': (4, 3), }\n", bytes(48)),
    "code.npy": header(b"{'descr': __import__('os'), 'fortran_order': False, 'shape': (4, 3), }\n", bytes(48)),
    "open.npy": header(b"{'descr': '<f4', 'fortran_order': False, 'shape': (4, 3", bytes(48)),
    "nested.npy": header(b"{'descr': " + b"[" * 50000 + b"\n", bytes(48)),
    "axes.npy": header(dictionary(shape="(" + "1, " * 40 + ")"), bytes(4)),
    "tiny.npy": b"\x93NUMPY\x01\x00",
    "objects.npy": npy(np.array([["a", 2], [3, 4]], dtype=object)),
    "lfs.npy": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 4103128\n",
    "words.npy": b"these are words and no array at all\n",
}
for name, data in hostile.items():
    put(f"hostile/{name}", data)
np.save("hostile/flat.npy", np.zeros(7, "f4"))
np.save("hostile/integers.npy", np.zeros((5, 4), "i4"))


def archive(name, members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(f"hostile/{name}", "w", method) as out:
        for key, data in members:
            out.writestr(key, data)


archive("bomb.npz", [("image.npy", header(dictionary(shape="(4, 3)"), bytes(50_000_000)))])
archive("objects.npz", [("image.npy", npy(np.array([None, None], dtype=object))), ("text.npy", npy(text))])
archive("torch.pt", [("archive/data.pkl", b"\x80\x02}."), ("archive/data/0", bytes(64))], zipfile.ZIP_STORED)
archive("empty.npz", [("readme.txt", b"nothing")])
with open(os.devnull, "w") as sink, __import__("contextlib").redirect_stderr(sink):
    archive("twice.npz", [("image.npy", npy(image)), ("image.npy", npy(text))])
# a member whose size is a lie: 1 TiB out of a hundred bytes
lie = bytearray(open("f4/deflated.npz", "rb").read())
at = lie.index(b"PK\x01\x02")
lie[at + 24 : at + 28] = struct.pack("<I", 0xFFFFFFF0)
put("hostile/lie.npz", bytes(lie))
whole = open("f4/stored.npz", "rb").read()
put("hostile/cut.npz", whole[: len(whole) // 2])
flipped = bytearray(open("f4/deflated.npz", "rb").read())
flipped[400] ^= 0x5A
put("hostile/flipped.npz", bytes(flipped))


def tensors(name, head, payload=b"", length=None):
    head = head if isinstance(head, bytes) else json.dumps(head).encode()
    put(f"hostile/{name}.safetensors", struct.pack("<Q", len(head) if length is None else length) + head + payload)


def field(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


tensors("claims_more", {"image": field([4, 3], 0, 48)}, bytes(48), length=1 << 40)
tensors("deep", b'{"image": ' + b"[" * 100000 + b"]" * 100000 + b"}")
tensors("twice", b'{"image": {"dtype": "F32", "shape": [4, 3], "data_offsets": [0, 48]}, '
                 b'"image": {"dtype": "F32", "shape": [4, 3], "data_offsets": [0, 48]}}', bytes(48))
tensors("negative", {"image": field([-4, 3], 0, 48)}, bytes(48))
tensors("overflow", {"image": field([1 << 62, 1 << 62], 0, 48)}, bytes(48))
tensors("beyond", {"image": field([4, 3], 0, 48)}, bytes(40))
tensors("trailing", {"image": field([4, 3], 0, 48)}, bytes(50))
tensors("hole", {"image": field([4, 3], 0, 48), "text": field([4, 3], 52, 100)}, bytes(100))
tensors("overlap", {"image": field([4, 3], 0, 48), "text": field([4, 3], 24, 72)}, bytes(72))
tensors("wrong_size", {"image": field([4, 4], 0, 48)}, bytes(48))
tensors("no_json", b'{"image": {"dtype"', bytes(48))
tensors("no_rows", {"image": field([0, 3], 0, 0), "text": field([0, 3], 0, 0)})
tensors("no_dtype", {"image": {"shape": [4, 3], "data_offsets": [0, 48]}}, bytes(48))
put("hostile/model.pkl", b"\x80\x04\x95" + bytes(40))
put("hostile/old.pt", b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.")
os.makedirs("hostile/nothing")
for k in (0, 1, 2, 3):
    put(f"hostile/gap/img_emb_{k}.npy", npy(image[:4]))
    if k != 2:
        put(f"hostile/gap/text_emb_{k}.npy", npy(text[:4]))
put("hostile/types/img_emb_0.npy", npy(image[:4]))
put("hostile/types/img_emb_1.npy", npy(image[:4].astype("f4")))
put("hostile/types/text_emb_0.npy", npy(text[:8]))
