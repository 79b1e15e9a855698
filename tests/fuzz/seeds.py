#!/usr/bin/env python3
"""Small whole files of every format, from which a corpus begins: seeds.py PROGRAM FOLDER (a folder for each target).

The kept corpus has been grown from them; make them again where a format changes, and let run.sh grow and merge it.
"""
import io
import json
import os
import struct
import subprocess
import sys
import tempfile
import zipfile

import h5py
import numpy as np

ROWS, DIM = 12, 4
RANDOM = np.random.default_rng(1)


def rows(n=ROWS, dim=DIM, dtype="f4"):
    x = RANDOM.normal(size=(n, dim)) + np.eye(1, dim)
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(dtype)


def npy(array, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version=version)
    return out.getvalue()


def npy_seeds():
    for code in ("<f2", "<f4", "<f8", ">f4", "|u1", "<i4", ">i8", "|b1", "<U3", "|S5"):
        values = rows() if code[1] == "f" else np.arange(ROWS)
        yield npy(values.astype(code))
    yield npy(np.asfortranarray(rows()))
    yield npy(rows().reshape(3, 4, 4))
    yield npy(rows(2 * ROWS).reshape(2, ROWS, DIM))
    yield npy(rows(), version=(2, 0))
    yield npy(rows(), version=(3, 0))
    yield npy(np.float32(1))
    yield npy(np.zeros((0, 4), "f4"))
    yield npy(np.zeros(3, [("id", "i8"), ("image_embedding", "f4", 4)]))
    yield npy(np.array([{"a": 1}], dtype=object))
    bad = rows()
    bad[2], bad[5, 1] = 0, np.nan
    yield npy(bad)


def pickle_files():
    """Those of the shell test: each kind once, and all that are hostile."""
    with tempfile.TemporaryDirectory() as folder:
        maker = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli", "make_pickles.py")
        subprocess.run([sys.executable, maker, folder, "3"], check=True)
        for here, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                content = read(here, name)
                if name.endswith((".pkl", ".pt", ".pth", ".joblib", ".npy")) and len(content) < 4000:
                    yield content


def pickle_seeds():
    for content in pickle_files():
        if content[:2] != b"PK":
            yield content


def npz_seeds():
    ids = np.arange(ROWS)
    for save in (np.savez, np.savez_compressed):
        for arrays in ({"image": rows(), "text": rows()},
                       {"image": rows(), "text": rows(2 * ROWS), "text_image": np.repeat(ids, 2), "labels": ids % 3},
                       {"image_emb": rows(dtype="f2"), "text_emb": rows(dtype="f2"), "image_id": ids.astype("U4"),
                        "text_id": ids.astype("U4")}):
            out = io.BytesIO()
            save(out, **arrays)
            yield out.getvalue()
    ids = np.array(["k%d" % k for k in range(ROWS)])
    for name in "image_id", "../../image_id", "image/id": # and what our own archives say of themselves
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for member, array in (("image", rows()), ("text", rows()), (name, ids)):
                archive.writestr(member + ".npy", npy(array))
            archive.comment = json.dumps({"command": "contragap apply", "contragap_modalities": "audio,video",
                                          "contragap_trained_on": "3 of 5 images", "contragap_trained_losses": "gap"}).encode()
        yield out.getvalue()
    for content in pickle_files():
        if content[:2] == b"PK":
            yield content
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive: # torch.save's layout
        archive.writestr("m/data.pkl", b"\x80\x02}q\x00.")
        archive.writestr("m/data/0", b"\0" * 16)
    yield out.getvalue()


def safetensors(tensors, metadata=None):
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, (code, array) in tensors.items():
        raw = array.tobytes()
        header[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def safetensors_seeds():
    ids = np.arange(ROWS)
    for code, dtype in (("F32", "f4"), ("F16", "f2"), ("F64", "f8")):
        yield safetensors({"image": (code, rows(dtype=dtype)), "text": (code, rows(dtype=dtype))})
    half = (rows().view("u4") >> 16).astype("u2")
    yield safetensors({"image": ("BF16", half), "text": ("BF16", half), "labels": ("I64", ids % 3)}, {"format": "pt"})
    yield safetensors({"image": ("F32", rows()), "text": ("F32", rows(2 * ROWS)),
                       "text_image": ("I32", np.repeat(ids, 2).astype("i4")), "class_text": ("F32", rows(3)),
                       "labels": ("U8", (ids % 3).astype("u1"))})
    for value in (0, np.nan, np.inf, 1e-45, 3e38):
        bad = rows()
        bad[3] = value
        yield safetensors({"image": ("F32", bad), "text": ("F32", rows())})
    one = np.repeat(rows(1), ROWS, axis=0)
    yield safetensors({"image": ("F32", one), "text": ("F32", one)})


def unsupported_seeds():
    yield b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 123456\n"
    yield b"PAR1" + b"\0" * 40 + b"PAR1"
    yield b"ARROW1\0\0" + b"\0" * 40
    yield b"id,x0,x1\n1,0.5,0.25\n2,0.1,0.2\n"
    yield b"1\t0.5\n2\t0.25\n"
    yield b'{"id": 1, "embedding": [0.1, 0.2]}\n{"id": 2, "embedding": [0.3, 0.4]}\n'
    yield b"\x1f\x8b\x08\0\0\0\0\0\0\3" + b"\0" * 20
    yield b"\x28\xb5\x2f\xfd" + b"\0" * 20
    yield b"SQLite format 3\0" + b"\0" * 84
    yield b"MATLAB 5.0 MAT-file" + b" " * 109


def hdf5_file(fill, **options):
    """What fill() puts into a new file, as bytes."""
    path = os.path.join(tempfile.gettempdir(), f"seed-{os.getpid()}.h5")
    with h5py.File(path, "w", **options) as f:
        fill(f)
    content = read(path)
    os.remove(path)
    return content


def hdf5_seeds():
    ids = np.arange(ROWS)

    def plain(f):
        f["image"], f["text"] = rows(), rows()

    def captions(f):
        plain(f)
        del f["text"]
        f["text"], f["text_image"], f["labels"] = rows(2 * ROWS), np.repeat(ids, 2), ids % 3
        f["class_text"] = rows(6).reshape(3, 2, DIM)
        f.attrs["command"] = "contragap simulate"

    def arithmetic(f):
        plain(f)
        g = f.create_group("arithmetic")
        g["words"], g["image_label"], g["weight"] = rows(5), ids % 5, np.ones(3)
        g["query"] = np.array([[0, 0, 1, 1], [1, 1, 2, 2], [2, 2, 3, 3]])

    def chunks(**filters):
        def fill(f):
            f.create_dataset("image", data=rows(), chunks=(5, 3), **filters)
            f.create_dataset("text", data=rows(), chunks=(5, DIM), **filters)
        return fill

    def strings(f):
        plain(f)
        f["image_id"], f["text_id"] = [f"a{k}" for k in ids], np.array([f"a{k}" for k in ids[::-1]], "S3")

    def links(f):
        plain(f)
        f["again"], f["soft"] = f["image"], h5py.SoftLink("/text")
        f["outside"], f["nowhere"] = h5py.ExternalLink("other.h5", "/x"), h5py.SoftLink("/gone")

    def virtual(f):
        f["a"], f["b"] = rows(), rows()
        for name in ("image", "text"):
            layout = h5py.VirtualLayout((2 * ROWS, DIM), "f4")
            layout[:ROWS], layout[ROWS:] = h5py.VirtualSource(f["a"]), h5py.VirtualSource(f["b"])
            f.create_virtual_dataset(name, layout)

    def types(f):
        f["image"], f["text"] = rows(dtype=">f8"), rows(dtype="f2")
        f["labels"], f["flag"] = (ids % 2).astype(">i2"), ids % 2 == 0
        f["complex"], f["record"] = ids * 1j, np.zeros(2, [("a", "i4"), ("b", "f4", 3)])

    def matlab(f):
        f["image"], f["text"] = rows().T, rows().T
        for name in f:
            f[name].attrs["MATLAB_class"] = np.bytes_("single")

    def unwritten(f):
        f.create_dataset("image", (ROWS, DIM), "f4", chunks=(4, DIM), maxshape=(None, DIM), fillvalue=0.5)
        f.create_dataset("text", (ROWS, DIM), "f4")

    for fill in (plain, captions, arithmetic, chunks(compression="gzip", shuffle=True), chunks(compression="lzf"),
                 chunks(fletcher32=True), strings, links, virtual, types, matlab, unwritten):
        yield hdf5_file(fill)
    yield hdf5_file(plain, libver="latest")
    yield hdf5_file(chunks(compression="gzip"), libver="latest")
    yield hdf5_file(links, libver="latest")


def read(*path):
    with open(os.path.join(*path), "rb") as f:
        return f.read()


def own_files(program):
    """Seeds of what the program itself writes."""
    seeds = {name: [] for name in ("head", "checkpoint", "history", "runs", "report", "tsv", "picture")}
    with tempfile.TemporaryDirectory() as folder:
        def run(*words):
            subprocess.run([program, *words, "--quiet"], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                           env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})

        data = ("pairs.h5", "--threads", "1")
        run("simulate", "-o", "pairs.h5", "--n", "40", "--d", "4", "--classes", "4")
        run("audit", *data, "-o", "report")
        for k, head in enumerate((("linear", "--dim", "2"), ("residual",), ("mlp", "--hidden", "3", "--shared"))):
            out = f"closed{k}"
            run("train", *data, "-o", out, "--head", *head, "--epochs", "3", "--batch", "8", "--patience", "0")
            for name, target in (("head.h5", "head"), ("checkpoint.bin", "checkpoint"), ("history.jsonl", "history")):
                seeds[target].append(read(folder, out, name))
            seeds["report"].append(shortened(read(folder, out, "after.json")))
        run("sweep", *data, "-o", "swept", "--dim", "2", "--seeds", "2", "--epochs", "2", "--batch", "8")
        for line in read(folder, "swept", "runs.jsonl").splitlines():
            one = json.loads(line)
            one["data"] = "0123456789abcdef"
            one["results"] = dict(list(one["results"].items())[:6])
            seeds["runs"].append(json.dumps(one, separators=(",", ":")).encode() + b"\n")
        seeds["runs"].append(b"".join(seeds["runs"]))
        seeds["runs"].append(seeds["runs"][0] + b'{"setting": {')
        seeds["report"].append(shortened(read(folder, "report", "report.json")))
        for name in ("rows.tsv", "figures/cosines.tsv", "figures/scatter.tsv"):
            seeds["tsv"].append(read(folder, "report", name)[:600])
        seeds["tsv"] += [b'{"run": {"command_line": "contragap audit a.h5"}}', b'{"baseline": "a", "inputs": []}',
                         b"<footer>contragap 0.1</footer>", b"<desc>Produced by GNUPLOT 5.4</desc>",
                         b"\x89PNG\r\n bKGD", b"%PDF-1.5 /Producer (cairo 1.16)",
                         b"text\timage\tcosine\trank_text_to_image\trank_image_to_text\n0\t0\t0.5\t1\t1\n"]
        run("plot", "report", "--only", "cosines", "--force", "--format", "svg")
        svg = read(folder, "report", "figures", "cosines.svg")
        seeds["picture"] += [svg[:1500] + svg[-800:], svg[:700] + svg[2000:3500] + b"</svg>",
                             b'<svg viewBox="0 0 9 9"><g fill="none"><g class="x" onmousemove="gnuplot_svg.'
                             b'showHypertext(evt,\'a &lt; b\')"><title>t</title><use xlink:href="#gpPt0" '
                             b'transform="translate(1,2)" color="rgb( 31, 119, 180)"/></g></g><text>x</text></svg>']
    return seeds


def text_seeds():
    x, y = rows(), rows()
    lines = [",".join("%.9g" % v for v in row) for row in x]
    yield "\n".join(lines).encode()
    yield ("id," + ",".join("e%d" % k for k in range(DIM)) + "\r\n" + "\r\n".join("p%d,%s" % p for p in enumerate(lines))).encode()
    yield ("%d %d\n" % x.shape + "".join("w . w%d %s \n" % (k, line.replace(",", " ")) for k, line in enumerate(lines))).encode()
    yield ("\xef\xbb\xbf,0,1,2,3,\n" + "".join("%d,%s,\n" % p for p in enumerate(lines))).encode("latin1")
    yield "".join("%d\t%s\n" % (9 - k, line.replace(",", "\t")) for k, line in enumerate(lines)).encode()
    yield ("id;caption;embedding\n" + "".join('%d;"a ""b"" c";"[%s]"\n' % p for p in enumerate(lines))).encode()
    yield ("image_0,image_1,text_0,text_1,label\n" + "".join(line + ",1\n" for line in lines)).encode()
    yield "# a b\n1e-400 nan inf -0\n0x1p3 1 2 3\n".encode()
    yield b"1,2\n,3\n" + b'"1,5",2\n1e999,12345678901234567890123\n'
    yield json.dumps(x.tolist()).encode()
    yield json.dumps([{"id": "\u00e9\U0001f600%d" % k, "embedding": v, "meta": {"a": [1, None]}, "n": 3}
                      for k, v in enumerate(x.tolist())]).encode()
    yield "\n".join(json.dumps({"image": a, "text": b}) for a, b in zip(x.tolist(), y.tolist())).encode()
    yield json.dumps({"image": {str(k): v for k, v in enumerate(x.tolist())}, "text": {str(k): v for k, v in enumerate(y.tolist())}}).encode()
    yield json.dumps({"image": x.tolist(), "text": y.tolist(), "labels": [0, 1] * 6, "image_id": list("abcdefghijkl")}, indent=1).encode()


def shortened(report):
    """A report with few measures."""
    def few(value):
        if isinstance(value, dict):
            return {k: few(v) for k, v in list(value.items())[:3]}
        return [few(v) for v in value[:2]] if isinstance(value, list) else value

    whole = json.loads(report)
    return json.dumps({k: few(v) for k, v in whole.items() if k not in ("histogram",)}, separators=(",", ":")).encode()


WORDS = {
    "fail-if": ["gap.centroid_distance>0.5", "gap.rmg <= 1e-3", "retrieval.text_to_image.recall_at_1<-0.02",
                "uniformity.image>=nan", "gap.centroid_distanse>0.5", ">1", "pairing.z>0x1p3", "gap.rmg>1e999"],
    "grid": [f"{chr(axis)}{text}" for axis in range(30) for text in ("1,2,3", "0.01,0.1")]
            + ["\x03clip,cua,cuaxu", "\0000,1,2", "\x04full,64", "\x05yes,no", "\x061,,2", "\0071,1", "\bidentity,center"],
    "size": [f"{kind}{text}" for kind in "\0\1\2\3\4\5\6@ABCD" for text in ("256M", "12", "-3", "1.5e3", "exact", "1G",
                                                                          "18446744073709551615K", "0x10")],
    "source": ["image.npy\ntext.npy", "arrays", "arrays:/image\narrays:/text", "pairs.h5", "pairs.h5:/image\npairs.h5:/text",
               "a:b", "a:b:/image", "a:b:image", "pairs.h5\ni=image\nt=text", "i=@image.npy\nt=@text.npy",
               "i=@pairs.h5:/image\nt=@arrays:text", "image.npy\nt=@gone.npy", "image*.npy", "pairs.h5:image:",
               "pairs.h5\nx=none", "pairs.h5\nl=@arrays", "image.npy\nimage.npy"],
}


def main():
    program, folder = os.path.abspath(sys.argv[1]), sys.argv[2]
    seeds = {"npy": npy_seeds(), "npz": npz_seeds(), "npz-copy": npz_seeds(), "pickle": pickle_seeds(), "text_table": text_seeds(), "unsupported": unsupported_seeds(), **own_files(program)}
    for name in ("safetensors", "safetensors-audit"):
        seeds[name] = safetensors_seeds()
    for name in ("hdf5-open", "hdf5-rows", "hdf5-audit", "hdf5-copy"):
        seeds[name] = hdf5_seeds()
    for name, words in WORDS.items():
        seeds[name] = [word.encode() for word in words]
    for name, files in seeds.items():
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        for k, content in enumerate(files):
            with open(os.path.join(folder, name, f"seed-{k:02}"), "wb") as f:
                f.write(content)


main()
