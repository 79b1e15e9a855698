"""Whether the words of pictures by gnuplot can be read: inside the picture, and none on top of another.

    figure_words.py PICTURE.svg...

A letter is taken for 0.55 of its height wide: with less a sans serif has overlaps, with more this would find some that
are not there. Prints what is wrong and exits 1 if anything is.
"""

import html
import re
import sys

GROUP = re.compile(
    r'<g transform="translate\(([-\d.]+),([-\d.]+)\)(?: rotate\(([-\d.]+)\))?"[^>]*?font-size="([\d.]+)"[^>]*?'
    r'text-anchor="(\w+)">\s*<text>(.*?)</text>',
    re.S,
)
LETTER, ASCENT, DESCENT = 0.55, 0.75, 0.2


def boxes(svg):
    for x, y, turn, size, anchor, inner in GROUP.findall(svg):
        words = html.unescape(re.sub(r"<[^>]*>", "", inner)).strip()
        if not words:
            continue
        x, y, size = float(x), float(y), float(size)
        width = LETTER * size * len(words)
        start = {"start": 0, "middle": -width / 2, "end": -width}[anchor]
        across, up, down = (start, start + width), ASCENT * size, DESCENT * size
        if turn and float(turn) % 360 == 270:  # reads upwards
            yield words, (x - up, y - across[1], x + down, y - across[0])
        else:
            yield words, (x + across[0], y - up, x + across[1], y + down)


def main():
    faults = counted = 0
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as stream:
            svg = stream.read()
        wide, high = (float(v) for v in re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups())
        found = list(boxes(svg))
        counted += len(found)
        for k, (words, (left, top, right, bottom)) in enumerate(found):
            if left < 0 or top < 0 or right > wide or bottom > high:
                print("%s: %r leaves the picture" % (path, words))
                faults += 1
            for other, (l, t, r, b) in found[k + 1 :]:
                if left < r and l < right and top < b and t < bottom:
                    print("%s: %r lies on %r" % (path, words, other))
                    faults += 1
        if len(found) < 5:
            print("%s: only %d words found: the picture is no longer read" % (path, len(found)))
            faults += 1
    print("figure_words.py: %d words in %d pictures" % (counted, len(sys.argv) - 1))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
