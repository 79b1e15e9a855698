#!/usr/bin/env python3
"""Reads what contragap wrote, with h5py and numpy alone, and passes embeddings through a trained head.

    contragap train pairs.h5 -o closed
    python3 use_results.py closed/before.json closed/head.h5 pairs.h5 [OUT.npz]

REPORT.json is any report (of audit, or before.json and after.json of train), whose `input` names the datasets. The
centroid distances printed are those of the test part, images that training never saw: numpy's against the report's.
Here row i of the texts belongs to row i of the images. OUT.npz gets the new rows as `image` and `text`.
"""
import json
import math
import sys

import h5py
import numpy as np


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def gelu(x):
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def through(head, side, x):
    """Rows x (n, dim) through one side, "image" or "text", of an open head.h5; unit rows."""
    g = head[side if side in head else "image"]  # --shared keeps one side
    z = unit(np.asarray(x, np.float64))
    a = z @ g["weight"][:].T.astype(np.float64) + (g["bias"][:] if "bias" in g else 0)
    if "weight2" in g:  # mlp
        a = gelu(a) @ g["weight2"][:].T.astype(np.float64) + g["bias2"][:]
    if head.attrs["kind"] != "linear" and a.shape == z.shape:  # residual
        a += z
    return unit(a)


def distance(x, y):
    return np.linalg.norm(x.mean(0) - y.mean(0))


def show(report, key):
    entry = report
    for name in key.split("."):
        entry = entry[name]
    if entry["value"] is None:
        return f"{key}: none, {entry['why']}"
    ends = "" if entry["ci95"] is None else " [{:.4f}, {:.4f}]".format(*entry["ci95"])
    return f"{key}: {entry['value']:.4f}{ends}"


def main(report_path, head_path, data_path, out=None):
    with open(report_path) as f:
        report = json.load(f)
    for key in ("gap.corrected_distance", "uniformity.mean", "retrieval.image_to_text.recall_at_1"):
        print(show(report, key))

    paths = [report["input"][side]["datasets"][0]["path"] for side in ("image", "text")]
    with h5py.File(data_path) as data, h5py.File(head_path) as head:
        image, text = (data[path][:] for path in paths)
        test = head["split"][:] == 2
        new_image, new_text = through(head, "image", image), through(head, "text", text)
    before = distance(unit(np.float64(image))[test], unit(np.float64(text))[test])
    print(f"test part, {test.sum()} pairs: {before:.6f} before, {distance(new_image[test], new_text[test]):.6f} after")
    if out:
        np.savez(out, image=new_image, text=new_text)


if __name__ == "__main__":
    if not 4 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
