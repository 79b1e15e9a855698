#!/usr/bin/env python3
"""Ends the program at random moments, starts the same command again, and compares with an undisturbed run.

  kills.py PROGRAM [--count N] [--seed N] [--cases a,b] [--jobs N]

Each turn takes a command that writes, ends it with SIGKILL, SIGTERM or SIGINT after a random part of the time that it
takes, and sees what is left: files under their own names are complete, and after SIGTERM or SIGINT there are no temporary
ones and no lock. Then the same command runs again (train and sweep with --resume) and has to end with what an
undisturbed run leaves: nothing lost, nothing of the first run left. Exit 1 where that is not so.
"""
import argparse
import collections
import concurrent.futures
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import trust_cases as cases  # noqa: E402

WRITING = ["audit", "train", "train-long", "apply", "apply-whiten", "compare", "convert", "convert-npy", "simulate",
           "sweep", "plot"]
SIGNALS = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]
INTERRUPTED = 130
RESUMED = ("train", "train-long", "sweep")


def temporary(path):
    return ".contragap" in os.path.basename(path)


def start(program, name, inputs, folder, more=()):
    return subprocess.Popen(cases.command_line(program, name, inputs) + list(more), cwd=folder,
                            env=cases.environment(inputs), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def judge_end(ref, number, code, err, left):
    """What is wrong right after the signal, or None."""
    if code == 0 and number == signal.SIGKILL and ref.differences(left):
        return f"exit 0, and other output: {ref.differences(left)}"
    if number == signal.SIGKILL:
        if code not in (0, -signal.SIGKILL):
            return f"exit {code}"
    else:
        if code not in (0, INTERRUPTED, -number):  # -number: before the program waits for signals
            return f"exit {code}: {err}"
        lines = err.splitlines()
        if code == INTERRUPTED and (len(lines) != 1 or not lines[0].startswith("contragap: ")):
            return f"not one line: {err!r}"
        own = [p for p in left if temporary(p)]
        if own and code == INTERRUPTED:
            return f"left: {own}"
    half = [p for p, data in left.items() if not p.endswith("/") and not temporary(p) and not ref.same(p, data) and
            data != ref.before.get(p) and os.path.basename(p) not in cases.GROWING]
    return f"half-written: {half}" if half else None


def turn(options, inputs, scratch, ref, seconds, number, wait, k):
    name = ref.name
    folder = f"{scratch}/{k}/run"
    cases.prepare(name, folder, inputs)
    child = start(options.program, name, inputs, folder)
    time.sleep(wait * seconds)
    child.send_signal(number)
    try:
        _, err = child.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return "did not end within a minute"
    # a picture that the child of the program was drawing may still come
    left = cases.left_behind(folder)
    wrong = judge_end(ref, number, child.returncode, err.decode(errors="replace"), left)
    if wrong:
        return wrong
    finished = child.returncode == 0 and not ref.differences(left)
    more = []
    if name in RESUMED:
        # a run that has ended is replaced, one that was ended goes on
        more = ["--force"] if finished else ["--resume"] if os.path.exists(f"{folder}/out") else []
    elif name == "convert-npy" and any(p.endswith(".npy") for p in left):
        more = ["--force"]  # .npy does not say who wrote it
    again = start(options.program, name, inputs, folder, more)
    out, err = again.communicate(timeout=120)
    if again.returncode != 0:
        return f"again{' ' + more[0] if more else ''}: exit {again.returncode}: {err.decode(errors='replace')}"
    left = cases.left_behind(folder)
    differ = [p for p in ref.differences(left) if not (more and (os.path.basename(p) in ("report.html", *cases.GROWING) or
                                            "history.jsonl.bak-" in p))]  # epochs that came after the checkpoint
    if differ:
        what = next((p for p in differ if p in left and p in ref.files), None)
        return f"again {more}: {differ} {ref.first_difference(what, left[what]) if what else ''}"
    if not more and cases.without_times("stdout", out) != ref.stdout:
        return "again: other words on stdout"
    shutil.rmtree(f"{scratch}/{k}")
    return "through" if finished else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", default=",".join(WRITING))
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    options.program = os.path.realpath(options.program)
    scratch = tempfile.mkdtemp(prefix="contragap-kills-")
    try:
        return go_over(options, scratch)
    finally:
        shutil.rmtree(scratch)


def go_over(options, scratch):
    inputs = f"{scratch}/in"
    cases.make_inputs(options.program, inputs)
    draw = random.Random(options.seed)
    names = options.cases.split(",")
    references, seconds = {}, {}
    for name in names:
        references[name] = cases.Reference(options.program, name, inputs, scratch)
        os.makedirs(f"{scratch}/time-{name}")
        cases.prepare(name, f"{scratch}/time-{name}/run", inputs)
        begin = time.monotonic()
        start(options.program, name, inputs, f"{scratch}/time-{name}/run").communicate()
        seconds[name] = time.monotonic() - begin
    jobs = [(names[k % len(names)], SIGNALS[k // len(names) % 3], draw.random(), k) for k in range(options.count)]
    wrong, through, ended = 0, 0, collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = pool.map(lambda j: turn(options, inputs, scratch, references[j[0]], seconds[j[0]], j[1], j[2], j[3]),
                           jobs)
        for (name, number, wait, k), result in zip(jobs, results):
            if result == "through":
                through += 1
            elif result is None:
                ended[number.name] += 1
            else:
                wrong += 1
                print(f"{name}, {number.name} after {wait * seconds[name]:.3f} s (turn {k}): {result}", flush=True)
    print(f"{options.count} turns: {sum(ended.values())} ended and repeated with nothing lost "
          f"({', '.join(f'{n} {c}' for n, c in sorted(ended.items()))}), {through} were through before, {wrong} wrong")
    if sum(ended.values()) * 3 < options.count:
        print("too few were ended in time: no judgement", file=sys.stderr)
        return 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
