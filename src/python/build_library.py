"""build_library.py HEADER OUT.c: the C source of contragap._library, by cffi from the public header itself.

What the header declares is what Python gets: nothing is declared a second time, and the compiler checks each call,
structure and constant of it (cffi's API mode).
"""

import re
import sys

from cffi import FFI

CALLBACKS = """
extern "Python" cgap_status contragap_read(const struct cgap_source *, size_t, size_t, void *, cgap_error *);
extern "Python" bool contragap_tick(void *, const char *, double);
extern "Python" void contragap_warn(const char *);
extern "Python" void contragap_epoch(void *, const cgap_epoch *, const cgap_train_options *);
"""


def declarations(header: str) -> str:
    """The header without what the preprocessor would read: directives, and all that another condition than the guard
    of the whole encloses, which is macros and C++."""
    header = re.sub(r"\\\n", " ", header)
    lines, depth = [], 0
    for line in header.splitlines():
        if re.match(r"\s*#\s*if", line):
            depth += 1
        elif re.match(r"\s*#\s*endif", line):
            depth -= 1
        elif depth == 1 and not line.lstrip().startswith("#"):
            lines.append(line)
    return re.sub(r"\bCGAP_(?:API|MUST_CHECK)\b|\bCGAP_PRINTF\([^)]*\)", "", "\n".join(lines))


def main() -> None:
    header, out = sys.argv[1:]
    with open(header, encoding="utf-8") as file:
        text = declarations(file.read())
    ffi = FFI()
    ffi.cdef(text + CALLBACKS)
    ffi.set_source("contragap._library", '#include "contragap/contragap.h"')
    ffi.emit_c_code(out)


if __name__ == "__main__":
    main()
