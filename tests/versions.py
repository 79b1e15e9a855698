"""One version everywhere: in meson.build, CHANGELOG.md, CITATION.cff and debian/changelog; a tag of this commit is it."""
import re
import subprocess
import sys


def first(path, pattern):
    found = re.search(pattern, open(path, encoding="utf-8").read(), re.M)
    return found.group(1) if found else "none"


found = {
    "meson.build": first("meson.build", r"^  version: '([^']+)'"),
    "CHANGELOG.md": first("CHANGELOG.md", r"^## (\S+)"),
    "CITATION.cff": first("CITATION.cff", r"^version: (\S+)"),
    "debian/changelog": first("debian/changelog", r"^contragap \(([^)]+)\)"),
}
tags = subprocess.run(["git", "tag", "--points-at", "HEAD"], capture_output=True, text=True, check=False).stdout.split()
found.update({f"tag {tag}": tag[1:] for tag in tags if re.fullmatch(r"v[0-9.]+", tag)})
user, every = (open(f".ci/{name}", encoding="utf-8").read().split() for name in ("packages-user", "packages"))
missing = [package for package in user if package not in every]
for name, version in found.items():
    print(f"{name}: {version}")
if missing:
    print(f".ci/packages lacks {', '.join(missing)} of .ci/packages-user")
sys.exit(len(set(found.values())) > 1 or bool(missing))
