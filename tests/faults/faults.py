#!/usr/bin/env python3
"""Makes each allocation and each call on files fail, one a run, and judges what the program does.

  faults.py PROGRAM LIBRARY [--cases a,b] [--kinds memory,write] [--stride N] [--first K] [--depth N] [--jobs N]

A run without faults lists the places (libfaults, see faults.c); then each place, or every N-th, fails once. Outcomes:

  right     exit 0, the same output as an undisturbed run
  said      exit 0 with a warning; only pictures, and the page that shows them, may differ, and apply may lack the gap,
            an audit its advice
  refused   exit 5 (memory, disk), or 3 (a file that cannot be read, or made), one line on stderr, and nothing left but
            complete files
and outside what is allowed:
  crash, hang, code (another exit code), silent (exit 0, other output), lines (no line, or more than one),
  left (temporary or half-written files), ignored (fsync failed, exit 0)

Exit 1 where anything is outside.
"""
import argparse
import collections
import concurrent.futures
import errno
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import trust_cases as cases  # noqa: E402

ALLOWED = ("right", "said", "refused")
OUTSIDE = ("silent", "ignored", "code", "lines", "left", "crash", "hang")
WITHOUT_FAULT = "not reached"

# kind: ways to fail
WAYS = {
    "memory": [errno.ENOMEM],
    "open": [errno.EMFILE, errno.EIO],
    "read": [errno.EIO, errno.EINTR, "short"],
    "pread": [errno.EIO, errno.EINTR, "short"],
    "write": [errno.EIO, errno.ENOSPC, errno.EINTR, "short"],
    "pwrite": [errno.EIO, errno.ENOSPC, errno.EINTR, "short"],
    "fsync": [errno.EIO, errno.ENOSPC],
    "rename": [errno.EIO, errno.ENOSPC],
    "ftruncate": [errno.EIO],
    "fallocate": [errno.ENOSPC, errno.EINTR],
    "close": [errno.EIO],
}
READY = "/.contragap-ready/"
CODES = {"memory": (5,), "read": (3, 5), "pread": (3, 5), "open": (3, 5), "close": (3, 5)}  # the others: (5,)


class Judge:
    def __init__(self, options, inputs, scratch):
        self.options, self.inputs, self.scratch = options, inputs, scratch
        self.numbers = itertools.count()
        self.references = {}

    def reference(self, name):
        if name not in self.references:
            self.references[name] = cases.Reference(self.options.program, name, self.inputs, self.scratch)
        return self.references[name]

    def run(self, name, plan=None):
        """(exit code or None, stdout, stderr, what is left, lines of the log)"""
        top = f"{self.scratch}/{next(self.numbers)}"
        folder, log = f"{top}/run", f"{top}/log"
        cases.prepare(name, folder, self.inputs)
        own = cases.environment(self.inputs)
        own.update(LD_PRELOAD=self.options.library, FAULTS_LOG=log, FAULTS_DEPTH=str(self.options.depth))
        if plan:
            own["FAULTS_PLAN"] = plan
        with subprocess.Popen(cases.command_line(self.options.program, name, self.inputs), cwd=folder, env=own,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            try:
                out, err = child.communicate(timeout=60)
                code = child.returncode
            except subprocess.TimeoutExpired:
                child.kill()
                out, err = child.communicate()
                code = None
        left = cases.left_behind(folder)
        lines = []
        if os.path.exists(log):
            with open(log, encoding="utf-8", errors="replace") as file:
                lines = file.read().splitlines()
        shutil.rmtree(top)
        return code, cases.without_times("stdout", out), err.decode(errors="replace"), left, lines

    def sites(self, name):
        code, _, err, _, lines = self.run(name)
        if code != 0:
            raise SystemExit(f"{name}: with {self.options.library}, without a fault: exit {code}: {err}")
        return list(dict.fromkeys((w[1], w[2]) for w in map(str.split, lines)))

    def judge(self, name, kind, path, how, times):
        code, out, err, left, lines = self.run(name, f"{kind} {path} {how} {times}")
        if not lines:
            return WITHOUT_FAULT, "", ""
        outcome, why = self.outcome(self.reference(name), kind, how, code, out, err, left)
        return outcome, why, lines[0]

    def outcome(self, ref, kind, how, code, out, err, left):
        if code is None:
            return "hang", err
        if code < 0:
            return "crash", f"{signal.Signals(-code).name}: {err}"
        lines = err.splitlines()
        differ = ref.differences(left)
        if code == 0:
            if kind == "fsync" and how in (errno.EIO, errno.ENOSPC) and not lines:
                return "ignored", ""
            if lines and all(line.startswith("contragap: warning: ") for line in lines):
                no_advice = "the report has no advice" in err
                advised = ("report.json", "card.tsv") if no_advice else ()
                silent = [p for p in differ if not p.endswith((".svg", "report.html", *advised))]
                shown = out != ref.stdout and "the gap was not measured" not in err and not no_advice
                return ("silent", f"{err}{silent}") if silent or shown else ("said", err)
            if differ or out != ref.stdout:
                first = next((p for p in differ if p in left and p in ref.files), None)
                what = f" {ref.first_difference(first, left[first])}" if first else ""
                return "silent", f"{'stdout ' if out != ref.stdout else ''}{differ}{what} {err}"
            return ("right", "") if not lines else ("lines", err)
        if code not in CODES.get(kind, (5,)):
            return "code", f"exit {code}: {err}"
        said = [line for line in lines if not line.startswith("contragap: warning: ")]
        if len(said) != 1 or not said[0].startswith("contragap: "):
            return "lines", f"exit {code}: {err!r}"
        # what is ready takes its place with the next command
        half = [p for p in differ if p in left and left[p] != ref.before.get(p) and
                os.path.basename(p) not in cases.GROWING and
                not (READY in p and (p.endswith("/") or ref.same(p.replace(READY, "/"), left[p])))]
        return ("left", f"{half} {err}") if half else ("refused", err)


def source_lines(program, frames):
    """file:line of the frames that are in the program."""
    own = [f.split("+")[1] for f in frames if f.startswith("contragap+")]
    if not own or not shutil.which("addr2line"):
        return ""
    done = subprocess.run(["addr2line", "-f", "-s", "-e", program, *own], capture_output=True, text=True, check=False)
    return " < ".join(done.stdout.split()[0:10:2])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("library")
    parser.add_argument("--cases", default=",".join(c for c in cases.CASES if c != "train-long"))
    parser.add_argument("--kinds", default=",".join(WAYS))
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--depth", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--times", default="once", choices=("once", "on"))
    parser.add_argument("--show", type=int, default=20, help="outcomes outside that are printed, for each kind of them")
    options = parser.parse_args()
    options.program, options.library = os.path.realpath(options.program), os.path.realpath(options.library)
    scratch = tempfile.mkdtemp(prefix="contragap-faults-")
    try:
        return go_over(options, scratch)
    finally:
        shutil.rmtree(scratch)


def go_over(options, scratch):
    inputs = f"{scratch}/in"
    cases.make_inputs(options.program, inputs)
    judge = Judge(options, inputs, scratch)
    kinds, names = options.kinds.split(","), options.cases.split(",")
    counts, shown, places = collections.defaultdict(collections.Counter), collections.Counter(), collections.Counter()
    number = itertools.count(options.first)
    jobs = []
    for name in names:
        judge.reference(name)
        for kind, path in judge.sites(name):
            if kind in kinds:
                places[name] += 1
                # an interruption that never ends is none: who repeats the call is right
                ways = [how for how in WAYS[kind] if options.times == "once" or how not in (errno.EINTR, "short")]
                jobs += [(name, kind, path, how, options.times) for how in ways
                         if next(number) % options.stride == 0]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for job, (outcome, why, hit) in zip(jobs, pool.map(lambda j: judge.judge(*j), jobs)):
            name, kind, path, how, _ = job
            counts[name, "memory" if kind == "memory" else "files"][outcome] += 1
            if outcome in OUTSIDE:
                shown[outcome] += 1
                if shown[outcome] <= options.show:
                    word = errno.errorcode.get(how, how)
                    print(f"{outcome}: {name}, {kind} {path} {word}: {why.strip()[:600]}\n"
                          f"    {source_lines(options.program, hit.split()[3:])}", flush=True)
    columns = [*ALLOWED, *OUTSIDE, WITHOUT_FAULT]
    print(f"{'':24}" + "".join(f"{c:>12}" for c in columns))
    total = collections.Counter()
    for (name, what), count in counts.items():
        print(f"{name + ' ' + what:24}" + "".join(f"{count[c]:12}" for c in columns))
        total += count
    print(f"{'all':24}" + "".join(f"{total[c]:12}" for c in columns))
    print(f"{sum(places.values())} places in {len(names)} runs, {len(jobs)} faults")
    outside = sum(total[c] for c in OUTSIDE)
    if not jobs or total[WITHOUT_FAULT] * 5 > len(jobs):
        print("too few faults were reached: no judgement", file=sys.stderr)
        return 1
    return 1 if outside else 0


if __name__ == "__main__":
    sys.exit(main())
