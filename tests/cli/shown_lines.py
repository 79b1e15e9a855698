"""shown_lines.py PAGE.md SAID: each line of the page's untagged ``` blocks is in SAID, numbers aside; commands ("$ …") and
lines that leave something out ("…") are passed over."""

import re
import sys


def shape(line):
    return " ".join(re.sub(r"[-±+]?[0-9]+(\.[0-9]+)?", "#", line).split())


said = {shape(line) for line in open(sys.argv[2], encoding="utf-8")}
tag, shown, missing = None, 0, []
for line in open(sys.argv[1], encoding="utf-8"):
    if line.startswith("```"):
        tag = None if tag is not None else line[3:].strip()
    elif tag == "" and line.strip() not in ("", "…") and not line.startswith("$ "):
        shown += 1
        if shape(line) not in said:
            missing.append(line)
print(f"{shown} lines")
sys.stdout.writelines(missing)
sys.exit(1 if missing or shown == 0 else 0)
