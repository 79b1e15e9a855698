"""Modalities of the Python package other than a pair: three and more, one alone, two widths, two sets of one."""

import json
import os

from helpers import command, comparable, main, raises, rows

import contragap as cg
import h5py
import numpy as np

IMAGE, TEXT = (x.astype("float32") for x in rows(200, 16))
AUDIO = rows(200, 16, seed=0, shift=2)[0].astype("float32")


def files():
    for name, x in (("i.npy", IMAGE), ("t.npy", TEXT), ("a.npy", AUDIO)):
        np.save(name, x)
    return "image=i.npy", "text=t.npy", "audio=a.npy"


def plain(report):
    """Without what depends on the run, on where rows come from, and on how a command line names them."""
    out = {key: value for key, value in report.items() if key not in ("run", "input", "pairs")}
    out["pairs"] = {name: comparable(pair) for name, pair in report["pairs"].items()}
    return out


def measured(report):
    """The measures of a report."""
    return {key: value for key, value in report.items() if key not in ("run", "input", "verdict", "advice")}


def test_three_are_those_of_the_program():
    names = files()
    want = json.loads(command("audit", *names, "--json", "--quiet"))
    r = cg.audit(image=IMAGE, text=TEXT, audio=AUDIO)
    assert plain(r.to_dict()) == plain(want)
    assert str(r) == command("audit", *names, "--quiet") == str(cg.audit(IMAGE, TEXT, audio=AUDIO))
    for form, text in (("--markdown", r.to_markdown()), ("--latex", r.to_latex())):
        assert text == command("audit", *names, "--quiet", form)
    assert r.modalities == ["image", "text", "audio"] and r.matrix == want["matrix"]
    assert list(r.pairs) == ["image-text", "image-audio", "text-audio"]
    for a, b, x, y in (("image", "text", IMAGE, TEXT), ("text", "audio", TEXT, AUDIO)):
        alone = cg.audit(**{a: x, b: y})
        assert comparable(r.pairs[f"{a}-{b}"].to_dict()) == comparable(alone.to_dict())
        assert str(r.pairs[f"{a}-{b}"]) == str(alone)
    key = "pairs.image-audio.gap.corrected_distance"
    assert r[key].value == want["pairs"]["image-audio"]["gap"]["corrected_distance"]["value"] and r[key].ci95
    assert r["mixed.audio"].value == want["mixed"]["audio"]["value"] and not any("advice" in k for k in r)
    assert len(r.verdict.sentences) == 3 and len(r.to_frame()) == len(r) > 150
    assert r.pairs["image-text"].verdict.gap and r.pairs["image-text"].advice.word
    assert "<svg" in r.to_html() and "image-audio" in r.to_html()
    assert "image-audio" in str(cg.compare({"near": r.pairs["image-text"], "image-audio": r.pairs["image-audio"]}))


def test_three_of_files():
    names = files()
    want = json.loads(command("audit", *names, "--json", "--quiet"))
    r = cg.audit(image="i.npy", text="t.npy", audio="a.npy")
    assert plain(r.to_dict()) == plain(want) and r.modalities == ["image", "text", "audio"]
    assert comparable(r.pairs["text-audio"].to_dict()) == comparable(cg.audit(text=TEXT, audio=AUDIO).to_dict())
    ids, order = np.arange(1000, 1200), np.random.default_rng(3).permutation(200)
    with h5py.File("all.h5", "w") as f:  # audio in another order, by ids
        for name, x, of in (("image", IMAGE, ids), ("text", TEXT, ids), ("audio", AUDIO[order], ids[order])):
            f[f"{name}/{name}"], f[f"{name}/{name}_id"] = x, of
    paths = {name: f"all.h5:/{name}/{name}" for name in ("image", "text", "audio")}
    by_id = json.loads(command("audit", *(f"{n}={p}" for n, p in paths.items()), "--json", "--quiet"))
    for pair in by_id["pairs"].values():  # the program names rows by their ids
        for worst in pair["pairs"]["worst"]:
            del worst["image_name"], worst["text_name"]
    assert plain(cg.audit(**paths).to_dict()) == plain(by_id)
    assert by_id["pairs"]["image-audio"]["gap"] == want["pairs"]["image-audio"]["gap"]
    raises(cg.FileError, "none.npy")(lambda: cg.audit(image="i.npy", text="t.npy", audio="none.npy"))
    np.save("short.npy", AUDIO[:150])
    raises(cg.Error, "200", "150")(lambda: cg.audit(image="i.npy", text="t.npy", audio="short.npy"))


def test_folder_of_three():
    names = files()
    cg.audit(image=IMAGE, text=TEXT, audio=AUDIO).save("python")
    command("audit", *names, "-o", "program", "--quiet")
    assert sorted(os.listdir("python")) == sorted(os.listdir("program"))
    assert sorted(os.listdir("python/figures")) == sorted(os.listdir("program/figures"))
    assert open("python/rows.tsv").read() == open("program/rows.tsv").read()
    assert plain(json.load(open("python/report.json"))) == plain(json.load(open("program/report.json")))


def test_three_that_are_streamed_bad_or_wrong():
    bad = AUDIO.copy()
    bad[7] = np.nan
    dropped = cg.audit(image=np.asfortranarray(IMAGE), text=TEXT.tolist(), audio=bad, drop_bad=True)
    assert dropped.to_dict()["modalities"][0]["rows"] == 199
    apart = cg.audit(image=IMAGE[:150], text=TEXT, audio=AUDIO, unpaired=True)
    assert apart.to_dict()["input"]["pairing"] == "unpaired" and apart["mixed.unbiased"].value
    wide = cg.audit(image=IMAGE, text=TEXT, audio=np.hstack([AUDIO, AUDIO]))
    assert wide.matrix["corrected_distance"][0][2] is None and wide.matrix["mutual_knn"][0][2] is not None
    three = {"image": IMAGE, "text": TEXT}
    raises(cg.DataError, "audio", "row 7")(lambda: cg.audit(**three, audio=bad))
    raises(cg.Error, "audio", "150", "200")(lambda: cg.audit(**three, audio=AUDIO[:150]))
    raises(cg.DataError, "audio: None")(lambda: cg.audit(**three, audio=None))
    raises(cg.UsageError, "audio: a path", "arrays")(lambda: cg.audit(**three, audio="a.npy"))
    raises(cg.UsageError, "text_image", "image, text, audio")(lambda: cg.audit(**three, audio=AUDIO, text_image=[0]))
    raises(cg.UsageError, "csls")(lambda: cg.audit(**three, audio=AUDIO, csls=True))
    raises(cg.UsageError, "unbiased")(lambda: cg.audit(**three, unbiased=AUDIO))
    raises(cg.UsageError, "at most 8")(lambda: cg.audit(**{f"m{k}": IMAGE for k in range(9)}))
    raises(cg.UsageError, "größe")(lambda: cg.audit(**three, größe=AUDIO))
    raises(cg.UsageError, "größe")(lambda: cg.audit(größe=AUDIO, text=TEXT))
    raises(cg.UsageError, "3 modalities")(lambda: cg.train(**three, audio=AUDIO))
    raises(cg.UsageError, "'many'")(lambda: cg.compare({"many": wide, "two": cg.audit(IMAGE, TEXT)}))
    raises(cg.Interrupted)(lambda: cg.audit(**three, audio=AUDIO, progress=lambda phase, fraction: True))


def test_one_alone():
    files()
    one = cg.audit(IMAGE)
    for name, file, x in (("image", "i.npy", IMAGE), ("text", "t.npy", TEXT), ("audio", "a.npy", AUDIO)):
        want = command("audit", f"{name}={file}", "--quiet")
        r = cg.audit(**{name: x})
        assert str(cg.audit(**{name: file})) == want, name
        assert str(r).splitlines()[2:9] == want.splitlines()[2:9], name  # below, a note names the file
        assert measured(r.to_dict()) == measured(json.loads(command("audit", f"{name}={file}", "--quiet", "--json"))), name
    assert str(cg.audit("i.npy")) == command("audit", "i.npy", "--quiet") and one.measures() == cg.audit("i.npy").measures()
    assert one.advice is None and one._repr_html_()
    one.save("alone")
    raises(cg.UsageError, "two modalities")(lambda: cg.train(IMAGE))


def test_two_widths_and_two_sets():
    wide = np.hstack([TEXT, TEXT])
    files()
    np.save("wide.npy", wide)
    assert str(cg.audit(IMAGE, wide)).splitlines()[1:] == command("audit", "i.npy", "wide.npy", "--quiet").splitlines()[1:]
    for a, b in (("text", "audio"), ("audio", "image"), ("video", "text")):
        want = command("audit", f"{a}=i.npy", f"{b}=t.npy", "--quiet")
        assert str(cg.audit(**{a: IMAGE, b: TEXT})).splitlines()[2:8] == want.splitlines()[2:8], (a, b)
    assert str(cg.audit("i.npy", "wide.npy")) == command("audit", "i.npy", "wide.npy", "--quiet")
    drift = command("audit", "old=i.npy", "new=a.npy", "--unpaired", "--quiet").splitlines()[1:]
    assert any("drift" in line for line in drift)
    assert str(cg.audit(old=IMAGE, new=AUDIO, unpaired=True)).splitlines()[1:] == drift
    assert str(cg.audit(old="i.npy", new="a.npy", unpaired=True)).splitlines()[1:] == drift


if __name__ == "__main__":
    main(globals())
