"""Where comments, strings and documents use words that this project avoids.

    words.py [--strict] [ROOT]

Prints each place and the number of places per word. Exits 1 with --strict if there are any. Of C, Python, gnuplot and
the pages' style and script only comments and strings are read, of other files all. What is code is left out: text in
backquotes, a string that is one lowercase word, which is a key, and names such as `tile.couples` and `couples[`.
"""

import os
import re
import sys
from collections import Counter

TOPS = ["src", "analysis", "include", "tests", "samples", "plots"]
ENDS = (".c", ".h", ".md", ".sh", ".py", ".gp", ".awk", ".css", ".js", ".mjs", ".build", ".schema.json")
LEFT_OUT = {"CHANGELOG.md", "tests/words.py"}

GAP = r"[\s*#]+"  # between two words, also over the end of a comment's line
WORDS = {
    "couple, couples": "couples?",
    "closer, closers (noun)": f"(?:a|the){GAP}closer(?!{GAP}look)|closers",
    "made sure of": f"made{GAP}sure{GAP}of",
    "told so": f"told{GAP}so",
    "is told": f"is{GAP}told",
    "anew": "anew",
    "let go": f"let{GAP}go",
    "of one's own": f"of{GAP}one['’]s{GAP}own",
    "somebody": "somebody",
    "nobody": "nobody",
}
PATTERNS = {word: re.compile(rf"(?<![\w.>$-])(?:{text})(?![\w(\[]|\.\w|->)", re.I) for word, text in WORDS.items()}
STRING = r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
C_PROSE = re.compile(rf"/\*.*?\*/|//[^\n]*|{STRING}", re.S)
SCRIPT_PROSE = re.compile(rf'""".*?"""|(?<!\S)#[^\n]*|{STRING}', re.S)
PROSE = {".c": C_PROSE, ".h": C_PROSE, ".js": C_PROSE, ".mjs": C_PROSE, ".css": C_PROSE, ".py": SCRIPT_PROSE, ".gp": SCRIPT_PROSE}
CODE = re.compile(r"""```.*?```|`[^`\n]*`|"[a-z0-9_.]*"|'[a-z0-9_.]*'""", re.S)


def files(root):
    for name in sorted(os.listdir(root)):
        if name.endswith(".md"):
            yield name
    for top in TOPS:
        for folder, _, names in sorted(os.walk(os.path.join(root, top))):
            for name in sorted(names):
                if name.endswith(ENDS):
                    yield os.path.relpath(os.path.join(folder, name), root)


def without_code(text):
    return CODE.sub(lambda match: re.sub(r"\S", " ", match.group()), text)


def prose(path, text):
    """(offset, text) of what is read of a file"""
    pattern = PROSE.get(os.path.splitext(path)[1])
    if not pattern:
        yield 0, without_code(text)
        return
    for match in pattern.finditer(text):
        yield match.start(), without_code(match.group())


def main():
    arguments = sys.argv[1:]
    strict = "--strict" in arguments
    root = next((a for a in arguments if a != "--strict"), ".")
    found = Counter()
    for path in files(root):
        if path in LEFT_OUT:
            continue
        with open(os.path.join(root, path), encoding="utf-8") as file:
            text = file.read()
        for offset, chunk in prose(path, text):
            for word, pattern in PATTERNS.items():
                for match in pattern.finditer(chunk):
                    at = offset + match.start()
                    line = text.count("\n", 0, at)
                    print(f"{path}:{line + 1}: {word}: {text.splitlines()[line].strip()}")
                    found[word] += 1
    for word, count in found.most_common():
        print(f"{count:5} {word}")
    print(f"{sum(found.values())} places")
    return 1 if strict and found else 0


if __name__ == "__main__":
    sys.exit(main())
