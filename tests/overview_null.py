"""How often does compare mark one of five inputs that could as well be exchanged?  overview_null.py CONTRAGAP [SEEDS]

Null sets: five models that see the same rows, each with noise of its own (paired intervals, also with several texts
per image); the same with two that share the first place and three that are worse, where a mark is likeliest; five data
sets drawn from one model, and two of them better (independent intervals); one data set in five rotations, where nothing
differs. At most 5 % of the measures may be marked, up to three standard errors between data sets; of the rotations
none. Prints that, and how many tables have a mark at all."""
import json
import os
import subprocess
import sys
import tempfile

import h5py
import numpy as np

N, DIM, INPUTS = 200, 24, 5


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def write(path, image, text, text_image=None):
    with h5py.File(path, "w") as file:
        file["image"] = image.astype("f4")
        file["text"] = text.astype("f4")
        if text_image is not None:
            file["text_image"] = text_image


def pairs(random, captions=1):
    """What the rows mean: a cone, a gap, and pairs that resemble each other."""
    owner = np.repeat(np.arange(N), captions)
    cone = 0.4 * np.ones(DIM)
    gap = 0.3 * np.eye(DIM)[0]
    image = random.normal(size=(N, DIM)) + cone
    return image + gap, image[owner] + 0.5 * random.normal(size=(len(owner), DIM)) - gap, owner


def noisy(random, rows, noise):
    return unit(rows + noise * random.normal(size=rows.shape))


ALIKE, TWO_BEST = [1.2] * INPUTS, [1.2, 1.2] + [2.0] * (INPUTS - 2)


def same_rows(random, paths, captions=1, noise=ALIKE):
    image, text, owner = pairs(random, captions)
    for path, own in zip(paths, noise):
        write(path, noisy(random, image, own), noisy(random, text, own), owner if captions > 1 else None)
    return []


def same_rows_of_captions(random, paths):
    return same_rows(random, paths, captions=3)


def same_rows_two_best(random, paths):
    return same_rows(random, paths, noise=TWO_BEST)


def other_rows(random, paths, noise=ALIKE):
    for path, own in zip(paths, noise):
        image, text, _ = pairs(random)
        write(path, noisy(random, image, own), noisy(random, text, own))
    return ["--independent"]


def other_rows_two_best(random, paths):
    return other_rows(random, paths, TWO_BEST)


def rotations(random, paths):
    image, text, _ = pairs(random)
    for path in paths:
        turn = np.linalg.qr(random.normal(size=(DIM, DIM)))[0]
        write(path, unit(image) @ turn, unit(text) @ turn)
    return []


def marks(program, paths, options):
    """How many measures have a mark, of how many."""
    out = subprocess.run([program, "compare", *paths, *options, "--json", "--quiet", "--threads", "1"],
                         check=True, capture_output=True).stdout
    measures = json.loads(out)["measures"]
    return sum(m["significant"] for m in measures), len(measures)


def main():
    program, seeds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 200
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, "model_%d.h5" % k) for k in range(INPUTS)]
        for make in (same_rows, same_rows_of_captions, same_rows_two_best, other_rows, other_rows_two_best, rotations):
            found = [marks(program, paths, make(np.random.default_rng(seed), paths)) for seed in range(seeds)]
            share = np.array([marked / measures for marked, measures in found])
            print("%s: %.1f %% of the measures are marked; %d of %d tables have a mark"
                  % (make.__name__, 100 * share.mean(), (share > 0).sum(), seeds), flush=True)
            error = share.std(ddof=1) / seeds ** 0.5
            failed |= bool(share.mean() > (0.05 + 3 * error if make is not rotations else 0))
    return failed


sys.exit(main())
