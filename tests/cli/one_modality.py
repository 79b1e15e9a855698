"""What one_modality.sh compares reports with, in NumPy: one_modality.py make, or check REPORT IMAGES [TEXTS]."""
import json
import sys

import numpy as np


def unit(x):
    x = np.asarray(x, dtype=np.float64)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def nearest(z, k):
    s = (z @ z.T).round(12)
    np.fill_diagonal(s, -np.inf)
    return np.argsort(-s, axis=1, kind="stable")[:, :k]


def hsic(a, b):
    """Unbiased, of two spaces of any width (Song et al. 2012)."""
    n = len(a)
    a, b = a @ a.T, b @ b.T
    np.fill_diagonal(a, 0)
    np.fill_diagonal(b, 0)
    return ((a * b).sum() + a.sum() * b.sum() / (n - 1) / (n - 2) - 2 / (n - 2) * (a.sum(0) @ b.sum(0))) / (n * (n - 3))


def same(key, got, want, tolerance):
    assert abs(got - want) <= tolerance * max(1, abs(want)), "%s: %r, not %r" % (key, got, want)


def check_modality(report, modality, rows):
    x = unit(rows)
    n = len(x)
    k = min(10, n - 1)
    cosines = (x @ x.T)[np.triu_indices(n, 1)]
    values = np.linalg.eigvalsh(np.cov(x.T))
    count = np.bincount(nearest(x, k).ravel(), minlength=n)
    away = count - count.mean()
    uniformity, hubness = report["uniformity"][modality], report["hubness"][modality]
    same("uniformity", uniformity["value"], np.log(np.exp(-4 * (1 - cosines)).mean()), 2e-6)
    assert uniformity["ci95"][0] < uniformity["value"] < uniformity["ci95"][1]
    same("mean", report["cosine"][modality]["mean"], cosines.mean(), 1e-12)
    same("sd", report["cosine"][modality]["sd"], cosines.std(ddof=1), 1e-9)
    assert sum(report["cosine"]["histogram"][modality]) == n * (n - 1) // 2
    ratio = report["pca"][modality]["participation_ratio"]["value"]
    same("participation ratio", ratio, values.sum() ** 2 / (values**2).sum(), 1e-8)
    same("skewness", hubness["skewness"]["value"], (away**3).mean() / (away**2).mean() ** 1.5, 1e-9)
    same("robin_hood", hubness["robin_hood"]["value"], abs(away).sum() / 2 / count.sum(), 1e-12)
    same("anti_hub_share", hubness["anti_hub_share"]["value"], (count == 0).mean(), 1e-12)
    assert hubness["hubs"][0]["count"] == count.max()
    assert hubness["hubs"][0]["row"] in np.flatnonzero(count == count.max())
    s = x @ x.T
    np.fill_diagonal(s, 0)
    assert report["checks"][modality]["near_duplicates"]["count"] == (s > 0.999).any(axis=1).sum()


def check(path, *files):
    with open(path, encoding="utf-8") as stream:
        report = json.load(stream)
    rows = [np.load(file) for file in files]
    for modality, x in zip(("image", "text"), rows):
        if modality in report["hubness"]:
            check_modality(report, modality, x)
    if len(rows) < 2:
        for key in ("gap", "mixed", "agreement", "advice", "retrieval"):
            assert key not in report, key
        for key in ("uniformity", "cosine", "pca", "hubness", "checks"):
            assert "text" not in report[key], key
        assert report["verdict"]["gap"] is None and len(report["modalities"]) == 1
        return
    x, y = (unit(r) for r in rows)
    k = min(10, len(x) - 1)
    common = np.mean([len(set(a) & set(b)) / k for a, b in zip(nearest(x, k), nearest(y, k))])
    same("mutual_knn", report["agreement"]["mutual_knn"]["value"], common, 1e-12)
    same("cka", report["agreement"]["cka"]["value"], hsic(x, y) / np.sqrt(hsic(x, x) * hsic(y, y)), 1e-8)


def make():
    random = np.random.default_rng(7)
    latent = random.normal(size=(700, 24))
    images = latent @ random.normal(size=(24, 48)) + random.normal(size=(700, 48)) + 2
    images[30:43] = images[4]
    np.save("img.npy", images.astype(np.float32))
    np.save("txt.npy", (latent @ random.normal(size=(24, 20)) + random.normal(size=(700, 20))).astype(np.float16))
    np.save("wide.npy", latent @ random.normal(size=(24, 48)) + random.normal(size=(700, 48)))
    np.save("few.npy", random.normal(size=(650, 20)).astype(np.float32))
    np.save("vectors.npy", random.normal(size=(300, 12)).astype(np.float32))
    np.save("u.npy", random.normal(size=(1000, 96)).astype(np.float32))
    np.save("v.npy", random.normal(size=(1000, 40)).astype(np.float32))
    mix = random.normal(size=(40, 40))
    for name, shift in (("old", 3), ("new", 3.5), ("same", 3)):
        np.save(name + ".npy", (random.normal(size=(900, 40)) @ mix + shift).astype(np.float32))


if sys.argv[1] == "make":
    make()
else:
    check(*sys.argv[2:])
