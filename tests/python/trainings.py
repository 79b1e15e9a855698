"""The Python package: train gives the bits of the program, heads are applied and loaded, audits are compared."""

import json
import os

import contragap as cg  # before NumPy, whose BLAS may load libgomp: see contragap/_load.py
import h5py
import numpy as np
from helpers import command, main, raises, rows

IMAGE, TEXT = (x.astype("float32") for x in rows(300, 16))


def without_times(x):
    """A JSON without what depends on the run: times, where rows come from, the words that tell seconds."""
    if isinstance(x, dict):
        left_out = ("run", "input", "cost", "command", "fingerprint")
        return {k: without_times(v) for k, v in x.items() if k not in left_out and "seconds" not in k}
    return [without_times(v) for v in x] if isinstance(x, list) else x


def load(*path):
    with open(os.path.join(*path)) as file:
        return json.load(file)


def test_training_is_that_of_the_program():
    np.save("image.npy", IMAGE)
    np.save("text.npy", TEXT)
    command("train", "image.npy", "text.npy", "-o", "by-program", "--quiet")
    f = cg.train(IMAGE, TEXT)
    f.save("by-python")
    names = sorted(os.listdir("by-program"))
    assert sorted(os.listdir("by-python")) == names
    assert {"head.h5", "recommendation.json", "compare.json", "report.html", "changes.tsv"} <= set(names)
    for name in names:
        if name.endswith(".json"):
            assert without_times(load("by-python", name)) == without_times(load("by-program", name)), name
    assert load("by-python", "recommendation.json")["fingerprint"] == load("by-program", "recommendation.json")["fingerprint"]
    with open("by-python/changes.tsv", "rb") as a, open("by-program/changes.tsv", "rb") as b:
        assert a.read() == b.read()
    # the heads are the same, through the program and through Python
    command("apply", "by-program", "image.npy", "text.npy", "-o", "applied.h5", "--quiet")
    with h5py.File("applied.h5") as file:
        for head in (f, cg.load("by-python"), cg.load("by-program/head.h5")):
            assert (head.transform(image=IMAGE) == file["image"][:]).all()
            assert (head.transform(text=np.asfortranarray(TEXT)) == file["text"][:]).all()
    # what is said of it
    r = f.recommendation
    assert r.method == f.to_dict()["method"] and r.reason and r.test["images"] == 60 and str(r).startswith("Recommended: ")
    assert without_times(f.before.to_dict())["gap"] == without_times(load("by-python", "before.json"))["gap"]
    assert f.after["gap.corrected_distance"].value == load("by-program", "after.json")["gap"]["corrected_distance"]["value"]
    assert f.audit_of("center") is not None and f.audit_of("nothing") is None
    after = f.after
    del f
    assert after["gap.corrected_distance"].n > 0  # it keeps what it is of
    # a folder that holds a training is replaced where that is said
    g = cg.train(IMAGE, TEXT, seed=1)
    raises(cg.FileError, "by-python", "`replace`")(lambda: g.save("by-python"))
    g.save("by-python", replace=True)
    both = cg.load("by-python").transform(image=IMAGE[:3], text=TEXT[:4])
    assert both[0].shape == (3, g.dim) and both[1].shape == (4, g.dim)
    raises(cg.DataError, "16", "5")(lambda: g.transform(image=IMAGE[:, :5]))
    raises(cg.UsageError, "transform")(lambda: g.transform())
    zero = IMAGE.copy()
    zero[7] = 0
    raises(cg.DataError, "7")(lambda: g.transform(image=zero))


def test_one_training_is_that_of_the_program():
    np.save("image.npy", IMAGE)
    np.save("text.npy", TEXT)
    asked = {"loss": "clip", "temperature": 0.05, "epochs": 12, "batch": 64, "learn_temperature": True, "seed": 3}
    line = "--loss clip --temperature 0.05 --epochs 12 --batch 64 --learn-temperature --seed 3".split()
    command("train", "image.npy", "text.npy", "-o", "single", "--quiet", *line)
    f = cg.train(IMAGE, TEXT, **asked)
    assert isinstance(f, cg.Training)
    f.save("single.h5")
    with h5py.File("single.h5") as a, h5py.File("single/head.h5") as b:
        found = []
        b.visititems(lambda name, x: found.append(name) if isinstance(x, h5py.Dataset) else None)
        assert found and all((a[name][()] == b[name][()]).all() for name in found)
    with open("single/history.jsonl") as lines:
        epochs = [json.loads(x) for x in lines]
    assert [e.epoch for e in f.history] == [e["epoch"] for e in epochs] and len(f.history) <= 12
    parts = (f.training_images, f.validation_images, f.test_images)
    assert sorted(np.concatenate(parts)) == list(range(300)) and len(f.test_images) == 60
    assert f.transform(image=IMAGE).shape == (300, f.dim) and "test part: 60 images" in repr(f)
    # its folder and audits are those of the program
    f.save("single-by-python")
    assert set(os.listdir("single-by-python")) == set(os.listdir("single")) - {"checkpoint.bin"}
    for name in ("before.json", "after.json", "start.json", "compare.json"):
        assert without_times(load("single-by-python", name)) == without_times(load("single", name)), name
    with open("single-by-python/history.jsonl") as lines:
        assert [json.loads(x)["training"] for x in lines] == [x["training"] for x in epochs]
    assert f.after["gap.corrected_distance"].value == load("single", "after.json")["gap"]["corrected_distance"]["value"]
    assert f.before["retrieval.image_to_text.recall_at_1"].value == load("single", "before.json")["retrieval"]["image_to_text"]["recall_at_1"]["value"]
    assert f.audit_of("center") is not None and f.audit_of("nothing") is None
    assert (cg.load("single-by-python").transform(image=IMAGE) == f.transform(image=IMAGE)).all()
    raises(cg.FileError, "single-by-python", "`replace`")(lambda: f.save("single-by-python"))
    f.save("single-by-python", replace=True)
    assert cg.train(IMAGE, TEXT, dim=8, epochs=2, batch="full").dim == 8
    assert len(cg.train(IMAGE, TEXT, select="none", epochs=3, patience=0).history) == 3
    for words, options in (
        ("loss clap: give one of clip", {"loss": "clap"}),
        ("temperature", {"temperature": -1}),
        ("temperature hot", {"temperature": "hot"}),
        ("epochs -3", {"epochs": -3}),
        ("batch 1:", {"batch": 1}),
        ("batch some", {"batch": "some"}),
        ("head: list", {"head": [1]}),
        ("shared maybe", {"shared": "maybe"}),
        ("dim 40", {"dim": 40}),
        ("steps 5 and epochs 5", {"steps": 5, "epochs": 5}),
        ("select: 'one'", {"select": "one"}),
        ("goal retrieval", {"goal": "retrieval", "loss": "clip"}),
        ("did you mean validation", {"val": 0.2}),
        ("did you mean epochs", {"epoch": 3}),
    ):
        raises(cg.UsageError, words)(lambda: cg.train(IMAGE, TEXT, **options))


def test_classes_without_texts():
    labels = np.arange(len(IMAGE)) % 10
    classes = np.stack([IMAGE[labels == c].mean(axis=0) + 0.5 for c in range(10)])
    f = cg.train(IMAGE, labels=labels, class_text=classes)
    assert f.recommendation.goal == "zero-shot" and "class" in str(f.audit_of("before"))
    f.save("classes")
    assert os.path.exists("classes/classes.tsv")


def test_too_few_pairs():
    raises(cg.DataError)(lambda: cg.train(IMAGE[:5], TEXT[:5]))
    raises(cg.DataError, "row 3")(lambda: cg.train(np.where(np.arange(300)[:, None] == 3, np.nan, IMAGE), TEXT))


def test_names():
    image, text = rows(300, 8)
    f = cg.train(audio=image, caption=text)
    assert (f.transform(audio=image) == f.transform(image=image)).all()
    assert (f.transform(caption=text) == f.transform(text=text)).all()
    raises(cg.UsageError, "video", "audio and caption")(lambda: f.transform(video=image))
    raises(cg.UsageError, "did you mean threads")(lambda: cg.train(image, text, thread=2))


def test_comparison():
    a, b = cg.audit(IMAGE, TEXT), cg.audit(IMAGE - IMAGE.mean(0), TEXT - TEXT.mean(0))
    with h5py.File("a.h5", "w") as one, h5py.File("b.h5", "w") as two:
        one["image"], one["text"] = IMAGE, TEXT
        two["image"], two["text"] = IMAGE - IMAGE.mean(0), TEXT - TEXT.mean(0)
    want = json.loads(command("compare", "a.h5", "b.h5", "--json", "--quiet"))
    c = cg.compare({"a.h5": a, "b.h5": b})
    assert without_times(c.to_dict()) == without_times(want)
    assert str(c) == command("compare", "a.h5", "b.h5", "--quiet")
    frame = c.to_frame()
    d = want["measures"]["gap"]["corrected_distance"]["differences"]["b.h5"]
    row = frame.loc[("gap.corrected_distance", "b.h5")]
    assert (row.difference, [row.low, row.high], row.verdict) == (d["value"], d["ci95"], d["verdict"])
    assert "paired" in c.to_dict()["intervals"] and "paired" not in cg.compare({"a": a, "b": b}, independent=True).to_dict()["intervals"]


def test_comparison_of_three():
    random = np.random.default_rng(1)
    audits = {}
    for k, name in enumerate(("a.h5", "b.h5", "c.h5")):
        image, text = IMAGE - k * IMAGE.mean(0) / 2, TEXT + k * random.standard_normal(TEXT.shape)
        with h5py.File(name, "w") as f:
            f["image"], f["text"] = image, text
        audits[name] = cg.audit(image, text)
    c = cg.compare(audits)
    assert str(c) == command("compare", *audits, "--quiet")
    want = json.loads(command("compare", *audits, "--json", "--quiet"))
    got = c.to_dict()
    assert {k: v for k, v in got.items() if k not in ("inputs", "run")} == {k: v for k, v in want.items() if k not in ("inputs", "run")}
    assert [i["name"] for i in got["inputs"]] == list(audits)
    key = "retrieval.image_to_text.recall_at_1"
    assert str(cg.compare(audits, sort=key)) == command("compare", *audits, "--quiet", "--sort", key)
    assert str(cg.compare(audits, pairwise=True)) == command("compare", *audits, "--quiet", "--pairwise")
    frame = c.to_frame()
    assert frame.loc[(key, "a.h5")].value == audits["a.h5"][key].value and frame.loc[key].best.sum() == 1
    raises(cg.UsageError, "no such measure")(lambda: cg.compare(audits, sort="recall"))


if __name__ == "__main__":
    main(globals())
