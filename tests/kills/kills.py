#!/usr/bin/env python3
"""Ends the program at random moments, starts the same command again, and compares with an undisturbed run.

  kills.py PROGRAM [--count N] [--seed N] [--cases a,b] [--jobs N] [--mpi MODULE]
  kills.py PROGRAM --renames LIBRARY [--stride N] [--cases a,b] [--jobs N]

Each turn takes a command that writes, ends it with SIGKILL, SIGTERM or SIGINT after a random part of the time that it
takes, and sees what is left: files under their own names are complete, and after SIGTERM or SIGINT there are no temporary
ones and no lock. The cases NAME-over write over an earlier run on other data: then the folder has files of one run alone,
or the readers say that it has not. Then the same command runs again (train and sweep with --resume) and has to end with
what an undisturbed run leaves: nothing lost, nothing of the first run left. Exit 1 where that is not so.

With --renames the moments are not random: LIBRARY (tests/faults) ends the program before each of its renames. With
--mpi (build/src/comm/contragap-mpi.so, which tells the launcher; MPIEXEC names another) each command has two ranks:
SIGKILL is for one of them, and the other signals are for the launcher.
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

OVER = ["audit-over", "compare-over", "train-over", "sweep-over"]
WRITING = ["audit", "train", "train-long", "apply", "apply-whiten", "compare", "convert", "convert-npy", "simulate",
           "sweep", "plot", *OVER]
DISTRIBUTED = ["audit", "audit-over", "train-long"]
SIGNALS = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]
INTERRUPTED = 130
RESUMED = ("train", "train-long", "sweep")
WHOLE = ("audit-over", "compare-over")  # of the run before nothing is removed before the new one is complete
TURN = "CONTRAGAP_TURN"  # in the environment of a turn's processes


def launcher_of(module):
    """Of two ranks, as tests/cli/lib_mpi.sh chooses it."""
    linked = subprocess.run(["ldd", module], capture_output=True, text=True, check=True).stdout
    usual = (shutil.which("mpiexec.mpich") or "mpiexec") if "libmpich" in linked else "mpirun --oversubscribe --bind-to none"
    return os.environ.get("MPIEXEC", usual).split() + ["-n", "2"]


def temporary(path):
    return ".contragap" in path


def start(options, name, inputs, folder, more=(), **variables):
    own = cases.environment(inputs)
    own.update(variables)
    return subprocess.Popen(options.launcher + cases.command_line(options.program, name, inputs) + list(more),
                            cwd=folder, env=own, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def ranks_of(options, turn):
    """The processes of a turn that execute the program."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                own = f"{TURN}={turn}".encode() in file.read().split(b"\0")
            if own and os.readlink(f"/proc/{pid}/exe") == options.program:
                found.append(int(pid))
        except OSError:  # it has ended
            pass
    return found


def send(options, child, number, turn):
    ranks = ranks_of(options, turn) if options.launcher and number == signal.SIGKILL else []
    try:
        os.kill(random.choice(ranks) if ranks else child.pid, number)
    except ProcessLookupError:
        pass


def wait_for_ranks(options, turn):
    end = time.monotonic() + 20
    while ranks_of(options, turn) and time.monotonic() < end:
        time.sleep(0.05)
    left = ranks_of(options, turn)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return f"ranks go on: {left}" if left else None


def judge_runs(options, ref, folder, left):
    """Whether what is left in a folder with an earlier run is of one run, or is seen not to be."""
    if any("/.contragap-ready/" in p and not p.endswith("/") for p in left):
        top = next(p for p in left if "/.contragap-ready/" in p).split("/", 1)[0]
        done = subprocess.run([options.program, "plot", top, "--list"], cwd=folder, capture_output=True, check=False)
        seen = done.returncode == 3 and b"files of two runs" in done.stderr and done.stderr.count(b"\n") == 1
        return None if seen else f"mixed, and plot says: {done.stderr}"
    files = {p: data for p, data in left.items() if not p.endswith("/") and not temporary(p)}
    old = {p for p, data in files.items() if data == ref.before.get(p) and not ref.same(p, data)}
    new = {p for p, data in files.items() if data != ref.before.get(p)}
    if old and new:
        return f"files of two runs: {sorted(old)[:3]} and {sorted(new)[:3]}"
    if ref.name in WHOLE and files != {p: d for p, d in ref.before.items() if not p.endswith("/")} and \
            [p for p in ref.differences(left) if not temporary(p)]:
        return "neither run is whole"
    return None


def judge_end(options, ref, number, code, err, folder, left):
    """What is wrong right after the signal, or None."""
    if code == 0 and number == signal.SIGKILL and ref.differences(left) and not options.launcher:
        return f"exit 0, and other output: {ref.differences(left)}"
    if options.launcher:
        pass  # its exit code and words
    elif number == signal.SIGKILL:
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
    if half:
        return f"half-written: {half}"
    return judge_runs(options, ref, folder, left) if ref.name in OVER else None


def turn(options, inputs, scratch, ref, seconds, number, wait, k):
    """wait: the part of the time after which the signal is sent, or before which rename the program ends itself."""
    name = ref.name
    folder, own = f"{scratch}/{k}/run", f"{os.getpid()}-{k}"
    cases.prepare(name, folder, inputs)
    variables = {TURN: own}
    if options.renames:
        variables.update(LD_PRELOAD=options.renames, FAULTS_LOG=f"{scratch}/{k}/log", FAULTS_PLAN=f"rename 0 kill {wait}")
    child = start(options, name, inputs, folder, **variables)
    if not options.renames:
        time.sleep(wait * seconds)
        send(options, child, number, own)
    try:
        _, err = child.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        wait_for_ranks(options, own)
        return "did not end within a minute"
    wrong = wait_for_ranks(options, own) if options.launcher else None
    # a picture that the child of the program was drawing may still come
    left = cases.left_behind(folder)
    wrong = wrong or judge_end(options, ref, number, child.returncode, err.decode(errors="replace"), folder, left)
    if wrong:
        return wrong
    finished = child.returncode == 0 and not ref.differences(left)
    more = []
    if name in RESUMED:
        # a run that has ended is replaced, one that was ended goes on
        more = ["--force"] if finished else ["--resume"] if os.path.exists(f"{folder}/out") else []
    elif name == "convert-npy" and any(p.endswith(".npy") for p in left):
        more = ["--force"]  # .npy does not say who wrote it
    again = start(options, name, inputs, folder, more)
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
    parser.add_argument("--cases")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--mpi", metavar="MODULE", dest="launcher", type=launcher_of, default=[])
    parser.add_argument("--renames", metavar="LIBRARY")
    parser.add_argument("--stride", type=int, default=1)
    options = parser.parse_args()
    options.program = os.path.realpath(options.program)
    usual = DISTRIBUTED if options.launcher else OVER if options.renames else WRITING
    options.cases = options.cases.split(",") if options.cases else usual
    if options.launcher and not shutil.which(options.launcher[0]):
        print(f"{options.launcher[0]} is not here", file=sys.stderr)
        return 77  # skipped
    os.environ.pop("MALLOC_PERTURB_", None)  # the launcher of Open MPI 4.1 crashes with it
    scratch = tempfile.mkdtemp(prefix="contragap-kills-")
    try:
        return go_over(options, scratch)
    finally:
        shutil.rmtree(scratch)


def count_renames(options, ref, inputs, folder):
    """Of an undisturbed run, up to the first number that ends nothing."""
    high = 1
    while True:
        cases.prepare(ref.name, f"{folder}-{high}/run", inputs)
        child = start(options, ref.name, inputs, f"{folder}-{high}/run", LD_PRELOAD=options.renames,
                      FAULTS_LOG=f"{folder}-{high}/log", FAULTS_PLAN=f"rename 0 kill {high}")
        child.communicate(timeout=60)
        if child.returncode == 0:
            return high - 1
        high += 1 if high < 4 else high // 4


def go_over(options, scratch):
    inputs = f"{scratch}/in"
    cases.make_inputs(options.program, inputs)
    draw = random.Random(options.seed)
    names = options.cases
    references, seconds = {}, {}
    for name in names:
        references[name] = cases.Reference(options.program, name, inputs, scratch, options.launcher)
        os.makedirs(f"{scratch}/time-{name}")
        cases.prepare(name, f"{scratch}/time-{name}/run", inputs)
        begin = time.monotonic()
        start(options, name, inputs, f"{scratch}/time-{name}/run").communicate()
        seconds[name] = time.monotonic() - begin
    if options.renames:
        options.renames = os.path.realpath(options.renames)
        jobs = [(name, signal.SIGKILL, n) for name in names
                for n in range(1, 1 + count_renames(options, references[name], inputs, f"{scratch}/count-{name}"))]
        jobs = jobs[draw.randrange(options.stride)::options.stride]
    else:
        jobs = [(names[k % len(names)], SIGNALS[k // len(names) % 3], draw.random()) for k in range(options.count)]
    wrong, through, ended = 0, 0, collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = pool.map(lambda j: turn(options, inputs, scratch, references[j[1][0]], seconds[j[1][0]], *j[1][1:], j[0]),
                           enumerate(jobs))
        for k, ((name, number, wait), result) in enumerate(zip(jobs, results)):
            if result == "through":
                through += 1
            elif result is None:
                ended[number.name] += 1
            else:
                wrong += 1
                when = f"before rename {wait}" if options.renames else f"after {wait * seconds[name]:.3f} s"
                print(f"{name}, {number.name} {when} (turn {k}): {result}", flush=True)
    print(f"{len(jobs)} turns: {sum(ended.values())} ended and repeated with nothing lost "
          f"({', '.join(f'{n} {c}' for n, c in sorted(ended.items()))}), {through} were through before, {wrong} wrong")
    if sum(ended.values()) * 3 < len(jobs):
        print("too few were ended in time: no judgement", file=sys.stderr)
        return 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
