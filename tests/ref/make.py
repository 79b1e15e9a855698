#!/usr/bin/python3
"""Writes the frozen numbers of this folder, from the independent oracle of the shared folder.

    apt-get install -y python3-numpy python3-h5py python3-scipy python3-sklearn
    tests/ref/make.py SHARED        where SHARED holds reference/oracle.py and data/
"""
import json, subprocess, sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

here, shared = Path(__file__).parent, Path(sys.argv[1])
sys.path.insert(0, str(shared / "reference"))
import oracle

FILES = {
    "modgap_clip_coco": ("modgap_clip_coco.h5",),
    "modgap_clip_coco_randominit": ("modgap_clip_coco_randominit.h5",),
    "modgap_videoclip": ("modgap_videoclip.h5",),
    "whurs19_clip_vitb32": ("whurs19_clip_vitb32.h5",),
    "whurs19_clip_vitb32_prompts": ("whurs19_clip_vitb32.h5", "--class-text", "/class_text_prompts"),
    "whurs19_remoteclip_vitb32": ("whurs19_remoteclip_vitb32.h5",),
    "whurs19_remoteclip_vitb32_prompts": ("whurs19_remoteclip_vitb32.h5", "--class-text", "/class_text_prompts"),
}


def separability(x, y, owner):
    """Accuracy and area under the curve over the folds i % 5, by scikit-learn at a tight tolerance."""
    fold, accuracy, area = np.arange(len(x)) % 5, [], []
    for f in range(5):
        ti, tt = fold == f, fold[owner] == f
        fit = LogisticRegression(max_iter=10000, tol=1e-12).fit(
            np.vstack([x[~ti], y[~tt]]), np.repeat([0, 1], [(~ti).sum(), (~tt).sum()]))
        accuracy.append((1 - fit.predict(x[ti]).mean() + fit.predict(y[tt]).mean()) / 2)
        area.append(roc_auc_score(np.repeat([0, 1], [ti.sum(), tt.sum()]),
                                  fit.decision_function(np.vstack([x[ti], y[tt]]))))
    return float(np.mean(accuracy)), float(np.mean(area))


def ragged():
    """60 images with 0 to 4 texts in any order, two equal images, two equal texts; every value a 64th."""
    r = np.random.default_rng(2405)
    z, e = r.normal(size=(60, 9)), .4 * r.normal(size=9)
    owner = np.repeat(np.arange(60), r.integers(0, 5, 60))
    r.shuffle(owner)
    x = z + e + .6 * r.normal(size=z.shape)
    y = z[owner] - e + .6 * r.normal(size=(len(owner), 9))
    x[7], y[3] = x[50], y[20]
    x, y = np.round(x * 64) / 64, np.round(y * 64) / 64
    out = oracle.measure(oracle.unit(x), oracle.unit(y), owner)
    out["gap"]["linear_separability"], out["gap"]["separability_auc"] = separability(
        oracle.unit(x), oracle.unit(y), owner)
    return {"image": x.tolist(), "text": y.tolist(), "text_image": owner.tolist(), "oracle": out}


for name, command in FILES.items():
    text = subprocess.run([sys.executable, str(shared / "reference/oracle.py"), str(shared / "data" / command[0]),
                           *command[1:]], stdout=subprocess.PIPE, check=True).stdout
    (here / f"{name}.json").write_bytes(text)
(here / "ragged.json").write_text(json.dumps(ragged()) + "\n")
