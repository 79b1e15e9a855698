"""Writes the scripts into a C source, so that the program finds them wherever it lies: embed.py OUT.c FILE.gp..."""
import os
import sys


def literal(line):
    text = line.replace("\\", "\\\\").replace('"', '\\"')
    return '    "%s\\n"' % "".join(c if ord(c) < 128 else "".join("\\%03o" % b for b in c.encode()) for c in text)


out, files = sys.argv[1], sys.argv[2:]
with open(out, "w", encoding="ascii") as stream:
    stream.write('#include "report/plots.h"\n\nconst cgap_plot cgap_plots[] = {\n')
    for path in files:
        with open(path, encoding="utf-8") as source:
            lines = source.read().splitlines()
        stream.write('  {"%s",\n%s},\n' % (os.path.basename(path), "\n".join(map(literal, lines))))
    stream.write("};\nconst size_t cgap_plot_count = sizeof cgap_plots / sizeof *cgap_plots;\n")
