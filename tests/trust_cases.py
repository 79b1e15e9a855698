"""Small runs of every command, and what they leave: for tests/faults and tests/kills.

A case runs in a folder of its own, which prepare() fills. What it leaves there is read into a dictionary of path and
bytes, without what differs from run to run: times, memory, rates. Two undisturbed runs then give equal dictionaries.
"""
import json
import os
import re
import shutil
import subprocess
import zipfile

QUICK = ["--threads", "1", "--quiet"]
TRAIN = ["--epochs", "2", "--batch", "16"]

# name: (arguments, files that are copied into the folder)
CASES = {
    "info": (["info", "IN/a.h5", "--quiet", "--json"], []),
    "info-npz": (["info", "IN/a.npz", "--quiet", "--json"], []),
    "audit": (["audit", "IN/a.h5", "-o", "out", *QUICK], []),
    "audit-npz": (["audit", "IN/a.npz", "-o", "out", *QUICK], []),
    "audit-json": (["audit", "IN/image.npy", "IN/text.npy", "--json", *QUICK], []),
    "train": (["train", "IN/a.h5", "-o", "out", *TRAIN, "--csv", *QUICK], []),
    "train-long": (["train", "IN/a.h5", "-o", "out", "--epochs", "60", "--patience", "0", "--batch", "16", *QUICK], []),
    "apply": (["apply", "IN/closed/head.h5", "IN/a.h5", "-o", "out.h5", *QUICK], []),
    "apply-whiten": (["apply", "--method", "whiten", "IN/a.h5", "-o", "out.h5", *QUICK], []),
    "compare": (["compare", "IN/a.h5", "IN/b.h5", "-o", "out", *QUICK], []),
    "compare-reports": (["compare", "IN/report", "IN/closed", "--json", *QUICK], []),
    "convert": (["convert", "IN/a.npz", "-o", "out.h5", *QUICK], []),
    "convert-npy": (["convert", "IN/a.h5", "--format", "npy", "-o", "out", *QUICK], []),
    "simulate": (["simulate", "-o", "out.h5", "--n", "60", "--d", "16", "--captions", "1-3", "--classes", "4", *QUICK],
                 []),
    "sweep": (["sweep", "IN/a.h5", "-o", "out", "--loss", "clip,cua", "--dim", "8", "--seeds", "1", *TRAIN, *QUICK],
              []),
    # in a folder that holds an earlier run, on other data
    "audit-over": (["audit", "IN/a.h5", "-o", "old-audit", *QUICK], ["old-audit"]),
    "compare-over": (["compare", "IN/report", "IN/report", "-o", "old-compare", *QUICK], ["old-compare"]),
    "train-over": (["train", "IN/a.h5", "-o", "old-train", *TRAIN, "--force", *QUICK], ["old-train"]),
    "sweep-over": (["sweep", "IN/a.h5", "-o", "old-sweep", "--loss", "clip,cua", "--seeds", "1", *TRAIN, "--force", *QUICK],
                   ["old-sweep"]),
    "plot": (["plot", "report", "--force", "--quiet"], ["report"]),
}

# grow while the command runs, or are kept to go on with: what they hold after a failure is judged by going on
GROWING = ("history.jsonl", "history.csv", "checkpoint.bin", "runs.jsonl")

GNUPLOT = """#!/bin/sh
# in place of gnuplot: of each figure a picture of nothing, of the kind that its ending names
while read -r command _ _ file _; do
  [ "$command" != print ] || echo "drew $picture"
  [ "$command" = call ] || continue
  picture=${file#?} picture=${picture%?}
  case $picture in
  *.png) echo 'bKGD, by which a picture of gnuplot is known' ;;
  *) echo '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><desc>Produced by GNUPLOT</desc></svg>' ;;
  esac >"$picture"
done <"$2"
"""

TIMES = re.compile(rb'("(?:seconds|steps_per_second|peak_memory_bytes)[a-z_]*": ?)[-+.e0-9]+')


def environment(inputs):
    own = {k: v for k, v in os.environ.items() if not k.startswith(("FAULTS_", "CONTRAGAP_PLOTS"))}
    # as the program sets them by default
    own.update(PATH=f"{inputs}:/usr/bin:/bin", OMP_NUM_THREADS="1", OMP_WAIT_POLICY="passive", GOMP_SPINCOUNT="10000",
               OPENBLAS_CORETYPE=own.get("OPENBLAS_CORETYPE", "Haswell"), LC_ALL="C", TMPDIR=f"{inputs}/tmp",
               SOURCE_DATE_EPOCH="0", OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    return own


def command_line(program, name, inputs):
    return [program] + [word.replace("IN/", inputs + "/") for word in CASES[name][0]]


def make_inputs(program, inputs):
    """Everything that the cases read, in the folder `inputs`, by the program itself."""
    os.makedirs(f"{inputs}/tmp")
    with open(f"{inputs}/gnuplot", "w") as script:
        script.write(GNUPLOT)
    os.chmod(f"{inputs}/gnuplot", 0o755)

    def run(*words):
        subprocess.run([program, *words, *QUICK], cwd=inputs, env=environment(inputs), check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    run("simulate", "-o", "a.h5", "--n", "60", "--d", "16", "--classes", "4")
    run("apply", "--method", "center", "a.h5", "-o", "b.h5")
    run("convert", "a.h5", "--format", "npy", "-o", "arrays")
    run("train", "a.h5", "-o", "closed", *TRAIN)
    run("audit", "a.h5", "-o", "report")
    run("audit", "b.h5", "-o", "old-audit")
    with open(f"{inputs}/old-audit/figures/scatter.png", "wb") as picture:
        picture.write(b"bKGD")  # by which a picture of gnuplot is known; it goes with its table
    run("compare", "a.h5", "b.h5", "-o", "old-compare")
    run("train", "b.h5", "-o", "old-train", *TRAIN, "--race", "clip,cua")
    run("sweep", "b.h5", "-o", "old-sweep", "--dim", "4,8", "--seeds", "1", *TRAIN)
    with zipfile.ZipFile(f"{inputs}/a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("image", "text"):
            shutil.copy(f"{inputs}/arrays/{name}.npy", f"{inputs}/{name}.npy")
            archive.write(f"{inputs}/{name}.npy", f"{name}.npy")


def prepare(name, folder, inputs):
    os.makedirs(folder)
    for item in CASES[name][1]:
        shutil.copytree(f"{inputs}/{item}", f"{folder}/{item}")


def without_times(path, data):
    if path.endswith(".json"):
        try:
            whole = json.loads(data)
        except ValueError:
            return b"not JSON: " + data
        whole.pop("run", None)
        data = json.dumps(whole, indent=0).encode()
    if path.endswith(".csv"):
        rows = [line.split(b",") for line in data.split(b"\n")]
        times = [k for k, title in enumerate(rows[0]) if title in (b"seconds", b"steps_per_second")]
        return b"\n".join(b",".join(v for k, v in enumerate(row) if k not in times) for row in rows)
    if path.endswith((".json", ".jsonl", ".html", "stdout")):
        data = TIMES.sub(rb"\1T", data)
        data = re.sub(rb"(?m)^seconds: .*\n(?:  .*\n)*", b"", data)  # the table's last lines
        data = re.sub(rb"\b[0-9.e+-]+ (?:s|ms|MB|seconds|in all)\b", b"T", data)
    return data


def left_behind(folder):
    """path: bytes of all files, path/: b"" of all folders."""
    found = {}
    for at, folders, files in os.walk(folder):
        for name in folders:
            found[os.path.relpath(f"{at}/{name}", folder) + "/"] = b""
        for name in files:
            path = os.path.relpath(f"{at}/{name}", folder)
            with open(f"{at}/{name}", "rb") as file:
                found[path] = without_times(path, file.read())
    return found


def words_masked(one, two):
    """The 8-byte words of binary files in which two undisturbed runs differ: numbers that are times."""
    return {k // 8 for k in range(min(len(one), len(two))) if one[k] != two[k]}


class Reference:
    """What an undisturbed run gives. Two of them are made, to know what differs from run to run."""

    def __init__(self, program, name, inputs, scratch, launcher=()):
        self.name = name
        self.runs = []
        for k in range(2):
            folder = f"{scratch}/reference-{name}-{k}/run"
            prepare(name, folder, inputs)
            self.before = left_behind(folder)
            done = subprocess.run([*launcher, *command_line(program, name, inputs)], cwd=folder, env=environment(inputs),
                                  stdin=subprocess.DEVNULL, capture_output=True, check=False)
            if done.returncode != 0 or done.stderr:
                raise SystemExit(f"{name}: undisturbed, exit {done.returncode}: {done.stderr.decode()}")
            self.runs.append((without_times("stdout", done.stdout), left_behind(folder)))
        self.stdout, self.files = self.runs[0]
        self.masks = {}
        for path, data in self.files.items():
            other = self.runs[1][1].get(path)
            if other is None or len(other) != len(data):
                raise SystemExit(f"{name}: {path} is another in a second run")
            if other != data:
                if not path.endswith(".bin"):
                    raise SystemExit(f"{name}: {path} differs in a second run")
                self.masks[path] = words_masked(data, other)
        if self.runs[1][0] != self.stdout:
            raise SystemExit(f"{name}: stdout differs in a second run")

    def same(self, path, data):
        wanted = self.files.get(path)
        if data == wanted:
            return True
        mask = self.masks.get(path)
        return mask is not None and len(data) == len(wanted) and words_masked(data, wanted) <= mask

    def first_difference(self, path, data):
        """The first line that differs, for a message."""
        for ours, theirs in zip(self.files[path].split(b"\n"), data.split(b"\n")):
            if ours != theirs:
                return f"{ours[:150]!r} became {theirs[:150]!r}"
        return f"{len(self.files[path])} bytes became {len(data)}"

    def differences(self, files):
        """Paths that are missing, too many or different."""
        return sorted([p for p in self.files if p not in files] +
                      [p for p in files if not self.same(p, files[p])])
