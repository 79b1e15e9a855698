"""Whether the rooms of the program depend on each other one way only.

    arrows.py [ROOT]

A module is a .c file with the .h file of its name. Module A depends on module B where A includes a header of B or A's
code names a function or an object that B defines. Prints every arrow that runs up the order of ROOMS and every circle
of modules, and exits 1 if there are any.
"""

import os
import re
import sys
from collections import defaultdict

# From the ground up: a room may depend on itself and on those before it.
ROOMS = """src/base src/simd src/comm src/rows src/io/read src/io/find src/io/write analysis src/audit
src/head/model src/head/training src/head/evaluation src/simulate src/bench src/report src/cli""".split()

NO_CODE = re.compile(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.S)
FUNCTION = re.compile(r"^(?!static|typedef|extern)[A-Za-z_][\w *]*?\b(\w+)\([^;{}]*\)\s*\{", re.M)
OBJECT = re.compile(r"^(?!static|typedef|extern)[A-Za-z_][\w *]*?\b(\w+)(?:\[\w*\])* =", re.M)
INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)


def sources(root):
    for top in ("src", "analysis"):
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in names:
                if name.endswith((".c", ".h")):
                    path = os.path.join(folder, name)
                    with open(path, encoding="utf-8") as file:
                        yield os.path.relpath(path, root), file.read()


def module(path):
    return os.path.splitext(path)[0]


def room(name):
    inside = [r for r in ROOMS if name.startswith(r + "/")]
    if not inside:
        sys.exit(f"{name}: in no room; add its folder to ROOMS")
    return ROOMS.index(max(inside, key=len))


def dependencies(texts):
    """{module: {module it depends on: {why}}}"""
    code = {path: NO_CODE.sub(" ", text) for path, text in texts.items()}
    owner = {}
    for path, text in code.items():
        if path.endswith(".c"):
            for name in FUNCTION.findall(text) + OBJECT.findall(text):
                owner[name] = module(path)
    out = defaultdict(lambda: defaultdict(set))
    for path, text in texts.items():
        here = module(path)
        out[here]
        for name in INCLUDE.findall(text):
            for header in ("src/" + name, name):
                if header in texts and module(header) != here:
                    out[here][module(header)].add(f'#include "{name}"')
        if path.endswith(".c"):
            for word in set(re.findall(r"\w+", code[path])):
                if owner.get(word, here) != here:
                    out[here][owner[word]].add(word)
    return out


def circles(graph):
    """Sets of modules that depend on each other, by Tarjan's algorithm."""
    number, low, stack, found = {}, {}, [], []

    def visit(node):
        number[node] = low[node] = len(number)
        stack.append(node)
        for other in graph[node]:
            if other not in number:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], number[other])
        if low[node] == number[node]:
            circle = set(stack[stack.index(node):])
            del stack[stack.index(node):]
            if len(circle) > 1:
                found.append(circle)

    for node in list(graph):
        if node not in number:
            visit(node)
    return found


def main():
    graph = dependencies(dict(sources(sys.argv[1] if len(sys.argv) > 1 else ".")))
    faults = 0
    for here in sorted(graph):
        for other, why in sorted(graph[here].items()):
            if room(other) > room(here):
                faults += 1
                print(f"upward: {here} -> {other}: {', '.join(sorted(why)[:4])}")
    for circle in circles(graph):
        faults += 1
        print(f"circle of {len(circle)}:")
        for here in sorted(circle):
            for other in sorted(circle & set(graph[here])):
                print(f"  {here} -> {other}: {', '.join(sorted(graph[here][other])[:4])}")
    print(f"{len(graph)} modules, {faults} circles and upward arrows")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.setrecursionlimit(10000)
    sys.exit(main())
