"""Helpers of the tests of the Python package: cases are functions whose names begin with test_, run one after the other.

    CONTRAGAP names the program; the working directory is a fresh one.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import traceback

import contragap  # noqa: F401  # before NumPy, whose BLAS may load libgomp: see contragap/_load.py
import numpy as np

PROGRAM = os.environ["CONTRAGAP"]


def command(*arguments, code=0):
    """What the program prints."""
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == code, (arguments, done.returncode, done.stderr)
    return done.stdout


def report_of(*arguments):
    """report.json of the program, without what depends on the run and on where rows come from."""
    return comparable(json.loads(command("audit", *arguments, "--json", "--quiet")))


def comparable(report):
    """Without "run", without how the input was found, and without the commands of the advice, which name files."""
    out = {key: value for key, value in report.items() if key not in ("run", "input", "advice")}
    out["measured"] = report["input"]["measured"]
    out["advice"] = {key: report["advice"][key] for key in ("word", "center")}
    return out


def rows(n=400, d=24, seed=0, shift=0.5):
    """Pairs with a gap: images and texts (n, d) float64."""
    random = np.random.default_rng(seed)
    common, gap = random.standard_normal((n, d)), random.standard_normal(d) * shift
    noise = 0.7
    return (
        common + noise * random.standard_normal((n, d)) + gap,
        common + noise * random.standard_normal((n, d)) - gap,
    )


def raises(kind, *words):
    """As a decorator: runs the function, which raises `kind` with a text of one line that holds all words."""

    def run(function):
        try:
            function()
        except kind as error:
            text = str(error)
            assert "\n" not in text, text
            for word in words:
                assert word in text, (word, text)
            return text
        raise AssertionError(f"{function.__name__}: no {kind.__name__}")

    return run


def main(cases):
    """Runs every test_ of a module's globals in a fresh directory."""
    failed = 0
    asked = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="contragap-python-") as work:
        os.chdir(work)
        for name, case in list(cases.items()):
            if not name.startswith("test_") or (asked and name not in asked):
                continue
            start = time.monotonic()
            try:
                case()
                print(f"ok {name} {time.monotonic() - start:.2f} s", flush=True)
            except Exception:
                failed += 1
                traceback.print_exc()
                print(f"FAILED {name}", flush=True)
        os.chdir("/")
    sys.exit(1 if failed else 0)
