"""How often does compare mark one of five inputs that could as well be exchanged?  overview_null.py CONTRAGAP [SEEDS]

Three null sets: five models that see the same rows, each with noise of its own (paired intervals, also with several
texts per image); five data sets drawn from one model (independent intervals); one data set in five rotations, where
nothing differs. Of 200 seeds at most 14 may have any mark among their twenty measures: with 5 % of all rankings, 15 or
more have a probability below 0.08; of the rotations none. Prints how many have one."""
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


def noisy(random, rows):
    return unit(rows + 1.2 * random.normal(size=rows.shape))


def same_rows(random, paths, captions=1):
    image, text, owner = pairs(random, captions)
    for path in paths:
        write(path, noisy(random, image), noisy(random, text), owner if captions > 1 else None)
    return []


def same_rows_of_captions(random, paths):
    return same_rows(random, paths, captions=3)


def other_rows(random, paths):
    for path in paths:
        image, text, _ = pairs(random)
        write(path, noisy(random, image), noisy(random, text))
    return ["--independent"]


def rotations(random, paths):
    image, text, _ = pairs(random)
    for path in paths:
        turn = np.linalg.qr(random.normal(size=(DIM, DIM)))[0]
        write(path, unit(image) @ turn, unit(text) @ turn)
    return []


def marks(program, paths, options):
    out = subprocess.run([program, "compare", *paths, *options, "--json", "--quiet", "--threads", "1"],
                         check=True, capture_output=True).stdout
    measures = json.loads(out)["measures"]
    alone = sum(any(d["p"] is not None and d["p"] < 0.05 and d["input"] == m["next"] for d in m["differences"])
                for m in measures)
    return [m["key"] for m in measures if m["significant"]], alone, len(measures)


def main():
    program, seeds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 200
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, "model_%d.h5" % k) for k in range(INPUTS)]
        for make, most in ((same_rows, 0.07), (same_rows_of_captions, 0.07), (other_rows, 0.07), (rotations, 0)):
            marked, uncorrected, measures = 0, 0, 0
            for seed in range(seeds):
                keys, alone, count = marks(program, paths, make(np.random.default_rng(seed), paths))
                marked += bool(keys)
                uncorrected += alone
                measures += count
            print("%s: %d of %d have a mark; best against next, uncorrected: %.1f %% of %d measures"
                  % (make.__name__, marked, seeds, 100 * uncorrected / measures, measures), flush=True)
            # of fewer seeds, three standard deviations more
            failed |= marked > (most * seeds + 3 * (0.05 * 0.95 * max(0, 200 - seeds) / 200 * seeds) ** 0.5 if most else 0)
    return failed


sys.exit(main())
