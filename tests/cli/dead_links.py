"""dead_links.py FOLDER: every relative link of the pages below it leads to a file."""

import os
import re
import sys

links, dead = 0, []
for folder, folders, names in os.walk(sys.argv[1]):
    folders[:] = [f for f in folders if not f.startswith(".") and not f.startswith("build")]
    for name in names:
        if not name.endswith(".md"):
            continue
        page = os.path.join(folder, name)
        for target in re.findall(r"\]\(([^)#\s]+)", open(page, encoding="utf-8").read()):
            if "://" in target:
                continue
            links += 1
            if not os.path.exists(os.path.join(folder, target)):
                dead.append(f"{page}: {target}")
print(f"{links} links")
print("\n".join(dead))
sys.exit(1 if dead or links < 20 else 0)
