"""The Python package: audits of every kind of array give the bits of the program; errors, threads, Ctrl-C, memory."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import contragap as cg  # before NumPy, whose BLAS may load libgomp: see contragap/_load.py
import h5py
import numpy as np
from helpers import comparable, command, main, raises, report_of, rows

IMAGE, TEXT = rows()


def as_files(image, text):
    np.save("image.npy", image)
    np.save("text.npy", text)
    return "image.npy", "text.npy"


def same(result, want):
    assert comparable(result.to_dict()) == want


def test_types_give_the_bits_of_the_program():
    for dtype in ("float16", "float32", "float64"):
        image, text = IMAGE.astype(dtype), TEXT.astype(dtype)
        want = report_of(*as_files(image, text))
        same(cg.audit(image, text), want)
        same(cg.audit(image=image, text=text, threads=1), want)
        same(cg.audit(np.asfortranarray(image), np.asfortranarray(text)), want)
        same(cg.audit(image.astype(image.dtype.newbyteorder()), text.astype(text.dtype.newbyteorder())), want)
        wide = np.zeros((2 * len(image), 2 * image.shape[1]), dtype)
        wide[::2, ::2] = image
        same(cg.audit(wide[::2, ::2], text[::-1][::-1]), want)
        same(cg.audit(np.load("image.npy", mmap_mode="r"), np.load("text.npy", mmap_mode="r")), want)
        with h5py.File("pairs.h5", "w") as file:
            file.create_dataset("a", data=image, chunks=(64, 7), compression="gzip")
            file["b"] = text
            same(cg.audit(file["a"], file["b"]), want)
        same(cg.audit(*as_files(image, text)), want)
        same(cg.audit(image="image.npy", text="text.npy"), want)


def test_bfloat16_is_that_of_safetensors():
    def bits(x):
        return (x.astype("float32").view("uint32") >> 16).astype("uint16")

    a, b = bits(IMAGE), bits(TEXT)
    again = [(x.astype("uint32") << 16).view("float32") for x in (a, b)]
    got, want = cg.audit(cg.bfloat16(a), cg.bfloat16(np.asfortranarray(b))), cg.audit(*again)
    assert got["gap.corrected_distance"] == want["gap.corrected_distance"]
    assert got.measures() == want.measures()
    raises(cg.DataError, "uint16", "bfloat16")(lambda: cg.audit(a, b))


def test_torch():
    try:
        import torch
    except ImportError:
        print("torch is not here")
        return
    want = cg.audit(IMAGE.astype("float32"), TEXT.astype("float32")).measures()
    image, text = torch.tensor(IMAGE).float(), torch.tensor(TEXT).float().requires_grad_()
    assert cg.audit(image, text).measures() == want
    assert cg.audit(image.t().contiguous().t(), text).measures() == want
    half = cg.audit(image.bfloat16(), text.bfloat16()).measures()
    assert half == cg.audit(image.bfloat16().float(), text.detach().bfloat16().float()).measures()


class Array:
    """Something with __array__ alone."""

    def __init__(self, x):
        self.x = x

    def __array__(self, dtype=None):
        return self.x


class Tensor:
    """Something with DLPack alone."""

    def __init__(self, x):
        self.x, self.shape, self.dtype = x, x.shape, x.dtype

    def __getitem__(self, rows):
        raise AssertionError("read by rows, not by DLPack")

    def __dlpack__(self, stream=None):
        return self.x.__dlpack__()

    def __dlpack_device__(self):
        return self.x.__dlpack_device__()


def test_other_arrays():
    import pandas

    want = cg.audit(IMAGE, TEXT).measures()
    assert cg.audit(Array(IMAGE), Tensor(TEXT)).measures() == want
    assert cg.audit(pandas.DataFrame(IMAGE), TEXT.tolist()).measures() == want


def test_pairings_labels_and_classes():
    texts = np.concatenate([TEXT, TEXT + 0.1 * np.roll(TEXT, 3, axis=1)])
    owner = np.concatenate([np.arange(len(TEXT))] * 2)
    classes, labels = IMAGE[:7] + 1, np.arange(len(IMAGE)) % 7
    with h5py.File("all.h5", "w") as file:
        file["image"], file["text"], file["text_image"] = IMAGE, texts, owner
        file["class_text"], file["labels"] = classes, labels
    want = report_of("all.h5")
    assert want["zero_shot"]["top_1"]["n"] == len(IMAGE)
    same(cg.audit("all.h5"), want)
    same(cg.audit(IMAGE, texts, text_image=owner, labels=labels.astype("int32"), class_text=classes), want)
    unpaired = cg.audit(IMAGE, TEXT[:100], unpaired=True)
    assert unpaired.verdict.pairing is None and "retrieval" not in unpaired.to_dict()
    repeated = np.repeat(TEXT, 2, axis=0) + 0.01 * np.random.default_rng(1).standard_normal((2 * len(TEXT), TEXT.shape[1]))
    major = cg.audit(IMAGE, repeated).to_dict()["input"]
    assert major["pairing"]["kind"] == "open" and major["measured"]["texts"] == 2 * len(IMAGE), major
    dropped = IMAGE.copy()
    dropped[5] = np.nan
    assert cg.audit(dropped, TEXT, drop_bad=True).to_dict()["input"]["measured"]["dropped_images"] == 1
    raises(cg.DataError, "row 5", "image")(lambda: cg.audit(dropped, TEXT))


def test_names_of_modalities():
    named = cg.audit(audio=IMAGE, caption=TEXT)
    assert named.measures() == cg.audit(IMAGE, TEXT).measures()
    np.save("a.npy", IMAGE)
    np.save("b.npy", TEXT)
    want = command("audit", "audio=a.npy", "caption=b.npy", "--quiet")
    assert str(named).partition("\n\n")[2][:300] == want.partition("\n\n")[2][:300]  # below the head, which names files
    assert str(cg.audit(audio="a.npy", caption="b.npy")) == want
    assert str(cg.audit(image=IMAGE, text=TEXT)) == str(cg.audit(IMAGE, TEXT))
    raises(cg.UsageError, "without names")(lambda: cg.audit(IMAGE, TEXT, TEXT))


def test_result():
    r = cg.audit(IMAGE, TEXT)
    m = r["gap.corrected_distance"]
    plain = r.to_dict()["gap"]["corrected_distance"]
    assert (m.value, list(m.ci95), m.n, m.method, m.why) == (*(plain[k] for k in ("value", "ci95", "n", "method")), None)
    assert float(m) == m.value and m.key == "gap.corrected_distance" and m.key in r and len(r) == len(list(r)) > 50
    assert r["cosine.pair"]["mean"] == r.to_dict()["cosine"]["pair"]["mean"]
    raises(KeyError, "gap.corrected_distance")(lambda: r["gap.corected_distance"])
    assert r.verdict.gap in ("moderate", "severe") and r.verdict.pairing == "matched" and str(r.verdict).startswith("The gap is")
    assert r.advice.word == r.to_dict()["advice"]["word"] and r.advice.reason
    assert cg.audit(IMAGE, TEXT, advice=False).advice is None
    frame = r.to_frame()
    assert frame.loc["gap.corrected_distance", "low"] == m.ci95[0] and len(frame) == len(r)
    files = as_files(IMAGE, TEXT)
    assert str(cg.audit(*files)) == command("audit", *files, "--quiet")
    assert cg.audit(*files).to_markdown() == command("audit", *files, "--quiet", "--markdown")
    page = r._repr_html_()
    assert page.startswith("<iframe") and "The gap is" in page and "&lt;svg" in page


def test_folder_is_that_of_the_program():
    files = as_files(IMAGE, TEXT)
    command("audit", *files, "-o", "by-program", "--quiet")
    r = cg.audit(*files)
    r.save("by-python")
    for folder, _, names in os.walk("by-program"):
        for name in names:
            one = os.path.join(folder, name)
            other = one.replace("by-program", "by-python")
            if name not in ("report.json", "report.html"):  # these say how they were run
                with open(one, "rb") as a, open(other, "rb") as b:
                    assert a.read() == b.read(), name
    assert sorted(os.listdir("by-python")) == sorted(os.listdir("by-program"))
    r.save("by-python")  # an audit's own results are replaced
    command("audit", *files, "-o", "by-python", "--quiet")
    os.mkdir("mine")
    with open("mine/report.json", "w") as file:
        file.write("{}")
    raises(cg.FileError, "mine", "`replace`")(lambda: r.save("mine"))
    r.save("mine", replace=True)
    raises(cg.FileError, "image.npy")(lambda: r.save("image.npy/in"))
    with open("mine/report.json") as file:
        assert comparable(json.load(file)) == comparable(r.to_dict())


def test_bad_calls_raise_one_line_each():
    x, y = IMAGE[:40].astype("float32"), TEXT[:40].astype("float32")
    os.mkdir("folder")
    bad = x.copy()
    bad[3, 2] = np.inf
    calls = {
        cg.DataError: [
            lambda: cg.audit(None, y), lambda: cg.audit(x, None), lambda: cg.audit(3, y), lambda: cg.audit({}, y),
            lambda: cg.audit(x[0], y), lambda: cg.audit(x[None], y), lambda: cg.train(x, y[:, :5]),
            lambda: cg.audit(x[:0], y), lambda: cg.audit(x, y[:0]), lambda: cg.audit(x[:, :0], y[:, :0]),
            lambda: cg.audit(x[:, :1], y[:, :1]), lambda: cg.audit(x[:1], y[:1]), lambda: cg.audit(x, y[:30]),
            lambda: cg.audit(x.astype("int64"), y), lambda: cg.audit(x.astype(bool), y),
            lambda: cg.audit(x.astype("complex64"), y), lambda: cg.audit(x.astype("longdouble"), y),
            lambda: cg.audit(x.astype(object), y), lambda: cg.audit(x.astype(str), y),
            lambda: cg.audit([["a", "b"]], y), lambda: cg.audit([[1.0, 2.0], [3.0]], y), lambda: cg.audit([], y),
            lambda: cg.audit(x, "text.npy"), lambda: cg.audit("image.npy", y), lambda: cg.audit(object(), y),
            lambda: cg.audit(bad, y), lambda: cg.audit(0 * x, y), lambda: cg.audit(np.full_like(x, np.nan), y),
            lambda: cg.audit(x, y, text_image=np.arange(39)), lambda: cg.audit(x, y, text_image=np.arange(40) - 1),
            lambda: cg.audit(x, y, text_image=np.arange(40) + 1), lambda: cg.audit(x, y, text_image=["a"] * 40),
            lambda: cg.audit(x, y, text_image=np.arange(40.0)), lambda: cg.audit(x, y, text_image=[[0]]),
            lambda: cg.audit(x, y, labels=np.arange(3), class_text=x),
            lambda: cg.audit(x, y, labels=np.arange(40) + 2**40, class_text=x),
            lambda: cg.audit(x, y, labels=np.arange(40), class_text=x[:, :3]),
            lambda: cg.audit(x, y, labels=np.zeros(40, int), class_text=x[:7], prompts=2),
            lambda: cg.audit(np.broadcast_to(np.float32(1), (40, 70000)), y), lambda: cg.bfloat16(x),
        ],
        cg.UsageError: [
            lambda: cg.audit(), lambda: cg.train(x), lambda: cg.audit(x, y, x), lambda: cg.train(x, y, audio=x),
            lambda: cg.audit(x, y, thread=2), lambda: cg.audit(x, y, label=np.arange(40)),
            lambda: cg.audit(x, image=x), lambda: cg.audit(x, y, pairs="all"), lambda: cg.audit(x, y, threads=-1),
            lambda: cg.audit(x, y, threads=2.5), lambda: cg.audit(x, y, threads=10**30), lambda: cg.audit(x, y, memory=-5),
            lambda: cg.audit(x, y, seed="a"), lambda: cg.audit(x, y, temperature="hot"),
            lambda: cg.audit(x, y, temperature=-1), lambda: cg.audit(x, y, temperature=float("nan")),
            lambda: cg.audit(x, y, prompts=0), lambda: cg.audit(x, y, precision="fp8"), lambda: cg.audit("a.npy", text=x),
            lambda: cg.audit(x, y, text_image=range(40), unpaired=True), lambda: cg.compare({}),
            lambda: cg.compare([1, 2]), lambda: cg.compare({"a": 1, "b": 2}), lambda: cg.load(3),
            lambda: cg.train(x, y, goal="win"), lambda: cg.train(x, y, test=2), lambda: cg.train(x, y, validation="a"),
        ],
        cg.FileError: [
            lambda: cg.audit("absent.h5"), lambda: cg.audit("absent.npy", "also.npy"), lambda: cg.audit("folder"),
            lambda: cg.load("absent"), lambda: cg.audit("\udcff.npy", "b"),
        ],
        cg.ResourceError: [lambda: cg.audit(x, y, memory=1000)],
    }  # fmt: skip
    count = 0
    for kind, functions in calls.items():
        for k, function in enumerate(functions):
            try:
                raises(kind)(function)
            except Exception as other:
                raise AssertionError(f"{kind.__name__} {k}: {other!r}") from other
            count += 1
    assert count >= 50, count
    assert issubclass(cg.DataError, (cg.Error, ValueError)) and issubclass(cg.FileError, OSError)


class Broken:
    """Rows that fail in the middle."""

    shape, dtype = (400, 24), np.dtype("float32")

    def __getitem__(self, rows):
        raise ConnectionError("the server is away")


def test_what_reading_raises_is_raised():
    text = raises(ConnectionError, "the server is away")(lambda: cg.audit(Broken(), TEXT))
    assert text == "the server is away"
    short = type("Short", (Broken,), {"__getitem__": lambda self, rows: np.zeros((1, 3), "float32")})
    raises(ValueError, "broadcast")(lambda: cg.audit(short(), TEXT))


def test_progress():
    seen = []
    big = rows(1500, 64)
    cg.audit(*big, progress=lambda phase, fraction: seen.append((phase, fraction)))
    assert seen and all(isinstance(phase, str) and 0 <= fraction <= 1 for phase, fraction in seen), seen
    raises(cg.Interrupted)(lambda: cg.train(*rows(600, 64), progress=lambda phase, fraction: True))
    raises(cg.Interrupted)(lambda: cg.audit(*rows(30, 8), progress=lambda phase, fraction: True))  # over in no time

    def fail(phase, fraction):
        raise RuntimeError("of the callback")

    raises(RuntimeError, "of the callback")(lambda: cg.train(*rows(600, 64), progress=fail))
    cg.audit(IMAGE, TEXT, progress=True)


def test_threads_give_the_same_bits():
    sets = [rows(500, 32, seed) for seed in range(2)]
    want = [comparable(cg.audit(*s).to_dict()) for s in sets]
    got = [None] * 4

    def work(k):
        got[k] = comparable(cg.audit(*sets[k % 2]).to_dict())

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == want * 2


def test_the_lock_of_python_is_released():
    counted, stop = [0], threading.Event()

    def count():
        while not stop.wait(0.001):
            counted[0] += 1

    other = threading.Thread(target=count)
    other.start()
    start = time.monotonic()
    cg.audit(*rows(2000, 64))
    took = time.monotonic() - start
    stop.set()
    other.join()
    assert counted[0] > 20 * took, (counted[0], took)


def test_control_c_within_a_second():
    big = rows(12000, 64)
    took = []
    for _ in range(3):
        timer = threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        start = time.monotonic()
        try:
            cg.audit(*big, pairs="exact", threads=1)
            raise AssertionError("it ended before the signal")
        except KeyboardInterrupt:
            took.append(time.monotonic() - start - 0.4)
        timer.join()
    print(f"  Ctrl-C: {', '.join(f'{t:.2f}' for t in took)} s")
    assert max(took) < 1.0, took


def test_fork_after_a_call():
    cg.audit(IMAGE, TEXT)
    child = os.fork()
    if child == 0:
        try:
            cg.audit(IMAGE, TEXT, threads=2)
            os._exit(0)
        finally:
            os._exit(1)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            assert status == 0
            return
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    raise AssertionError("the child hangs")


MEASURE_MEMORY = """
import contragap as cg, numpy as np, sys, time

def kilobytes(name):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name))

x, y = np.load("image.npy"), np.load("text.npy")
before = kilobytes("VmRSS")
open("/proc/self/clear_refs", "w").write("5")  # VmHWM from here on
start = time.monotonic()
own, (x, y) = (x, y), (x.copy(), y.copy()) if "copy" in sys.argv else (x, y)
cg.audit(x, y, pairs="sampled", sample_rows=1000, advice=False)
print(kilobytes("VmHWM") - before, time.monotonic() - start)
"""


def test_no_copy_of_the_input():
    both = np.random.default_rng(0).standard_normal((2, 10000, 512), dtype="float32")
    as_files(*both)
    more = {}
    for how in ("in place", "copy"):
        done = subprocess.run([sys.executable, "-c", MEASURE_MEMORY, how], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        kilobytes, seconds = map(float, done.stdout.split())
        more[how] = kilobytes / 1024
    own = both.nbytes / 2**20
    print(
        f"  10000 x 512 twice, {own:.0f} MiB: an audit takes {more['in place']:.0f} MiB more, unit rows and all, "
        f"{more['copy']:.0f} MiB where the caller copies them; {seconds:.2f} s"
    )
    assert more["in place"] < more["copy"] - own / 2, more


def test_import_is_quick():
    times = []
    for _ in range(3):
        code = "import time; t = time.monotonic(); import contragap, sys; print(time.monotonic() - t, 'numpy' in sys.modules, 'pandas' in sys.modules)"
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
        assert out[1:] == ["False", "False"]
        times.append(float(out[0]))
    print(f"  import: {min(times):.3f} s")
    assert min(times) <= 0.2


def test_help_says_what_there_is():
    import pydoc

    for name in cg.__all__:
        text = pydoc.plain(pydoc.render_doc(getattr(cg, name)))
        assert len(text) > 100, name
    assert "(rows, dim)" in pydoc.plain(pydoc.render_doc(cg.audit))
    assert os.path.exists(os.path.join(os.path.dirname(cg.__file__), "py.typed"))


if __name__ == "__main__":
    main(globals())
