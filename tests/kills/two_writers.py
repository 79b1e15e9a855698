#!/usr/bin/env python3
"""Two processes that write the same output: one is through, the other refused with a line that names it, or, where they
did not meet, both are through; what is left is what one undisturbed run leaves. A lock that a killed process left keeps
no one out.

  two_writers.py PROGRAM
"""
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

TURNS = 3
NAMES = ["audit", "train-long", "compare", "sweep", "apply", "convert", "simulate", "plot"]
AGAIN = ("holds another", "is there already")  # the second began when the first had ended


def start(program, name, inputs, folder):
    return subprocess.Popen(cases.command_line(program, name, inputs), cwd=folder, env=cases.environment(inputs),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def together(program, ref, inputs, folder, wait):
    """(how many were refused by the lock, what is wrong)"""
    cases.prepare(ref.name, folder, inputs)
    first = start(program, ref.name, inputs, folder)
    time.sleep(wait)
    second = start(program, ref.name, inputs, folder)
    refused = through = 0
    for child in (first, second):
        _, err = child.communicate(timeout=60)
        err = err.decode()
        if child.returncode == 0:
            through += 1
        elif child.returncode == 3 and "is writing there" in err and err.count("\n") == 1 and "process " in err:
            refused += 1
        elif not (child.returncode == 3 and any(words in err for words in AGAIN)):
            return 0, f"exit {child.returncode}: {err}"
    differ = ref.differences(cases.left_behind(folder))
    if through == 0 or differ:
        return refused, f"{through} were through; different: {differ}"
    return refused, None


def stale(program, ref, inputs, folder):
    """After SIGKILL in the middle the lock is free."""
    cases.prepare(ref.name, folder, inputs)
    child = start(program, ref.name, inputs, folder)
    lock = f"{folder}/out/.contragap.lock"
    end = time.monotonic() + 10
    while not os.path.exists(lock) and child.poll() is None and time.monotonic() < end:
        time.sleep(0.001)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    if not os.path.exists(lock):
        return f"{lock} was not there when the process was killed"
    again = start(program, ref.name, inputs, folder)
    _, err = again.communicate(timeout=60)
    differ = ref.differences(cases.left_behind(folder))
    return f"again: exit {again.returncode}: {err.decode()}{differ}" if again.returncode or differ else None


def main():
    program, draw = os.path.realpath(sys.argv[1]), random.Random(0)
    scratch = tempfile.mkdtemp(prefix="contragap-writers-")
    inputs = f"{scratch}/in"
    wrong = met = 0
    try:
        cases.make_inputs(program, inputs)
        for name in NAMES:
            ref = cases.Reference(program, name, inputs, scratch)
            for k in range(TURNS):
                refused, problem = together(program, ref, inputs, f"{scratch}/{name}-{k}", 0.03 * k * draw.random())
                met += refused
                if problem:
                    wrong += 1
                    print(f"{name}, turn {k}: {problem}")
            if name == "audit":
                problem = stale(program, ref, inputs, f"{scratch}/{name}-stale")
                if problem:
                    wrong += 1
                    print(f"{name}: {problem}")
    finally:
        shutil.rmtree(scratch)
    print(f"{TURNS * len(NAMES)} pairs of writers, {met} second ones refused, {wrong} wrong")
    return 1 if wrong or met < 3 else 0


if __name__ == "__main__":
    sys.exit(main())
