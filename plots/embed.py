"""Writes the scripts into a C source, so that the program finds them wherever it lies: embed.py OUT.c FILE.gp...

As bytes, not as strings: C promises no more than 4095 characters in a string."""
import os
import sys


def block(index, data):
    numbers = [str(b) for b in data] + ["0"]
    lines = [", ".join(numbers[i:i + 24]) for i in range(0, len(numbers), 24)]
    return "static const unsigned char file_%d[] = {\n  %s\n};\n" % (index, ",\n  ".join(lines))


out, files = sys.argv[1], sys.argv[2:]
with open(out, "w", encoding="ascii") as stream:
    stream.write('#include "report/gnuplot.h"\n\n')
    for index, path in enumerate(files):
        with open(path, "rb") as source:
            stream.write(block(index, source.read()))
    stream.write("\nconst cgap_plot cgap_plots[] = {\n")
    for index, path in enumerate(files):
        stream.write('  {"%s", (const char *)file_%d},\n' % (os.path.basename(path), index))
    stream.write("};\nconst size_t cgap_plot_count = sizeof cgap_plots / sizeof *cgap_plots;\n")
