"""Whether the figures' colours can be told apart by everyone, read from plots/style.gp and from the scripts.

    colours.py [ROOT]

In both themes: two series of one figure differ by CIEDE2000 15 or more for eyes without green cones (deuteranopia,
Machado, Oliveira and Fernandes 2009, severity 1, in linear RGB), a line has contrast 3:1 to the paper and a word 4.5:1
(WCAG 2.2, 1.4.11 and 1.4.3), and page.css says the same as style.gp. Prints what is wrong and exits 1 if anything is.
"""

import itertools
import math
import os
import re
import sys

PALETTE = {"#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#000000"}
DEUTERANOPIA = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))
DIFFERENCE, LINE, WORD = 15, 3, 4.5
COLOUR = re.compile(r'^(\w+)\s*= (?:dark \? "(#[0-9a-f]{6})" : )?"(#[0-9a-f]{6})"$', re.M)
DRAWN = re.compile(r"\b(?:line|fill)color rgb (\w+)")
GUIDE = re.compile(r"^ *set (?:arrow|border|xzeroaxis) .*", re.M)  # lines that carry no series
LIST = re.compile(r"^array \w+\[\d\] = \[((?:c_|ink).*)\]", re.M)
THEMES = ("dark", "light")


def linear(colour):
    values = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    return [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]


def deuteranopic(rgb):
    return [min(1.0, max(0.0, sum(m * v for m, v in zip(row, rgb)))) for row in DEUTERANOPIA]


def luminance(rgb):
    return 0.2126729 * rgb[0] + 0.7151522 * rgb[1] + 0.0721750 * rgb[2]


def contrast(a, b):
    low, high = sorted((luminance(linear(a)), luminance(linear(b))))
    return (high + 0.05) / (low + 0.05)


def lab(rgb):
    """CIELAB of linear sRGB, white point D65."""
    x = 0.4124564 * rgb[0] + 0.3575761 * rgb[1] + 0.1804375 * rgb[2]
    z = 0.0193339 * rgb[0] + 0.1191920 * rgb[1] + 0.9503041 * rgb[2]
    fx, fy, fz = (
        t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116
        for t in (x / 0.95047, luminance(rgb), z / 1.08883)
    )
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def ciede2000(one, two):
    """Sharma, Wu and Dalal 2005."""
    (l1, a1, b1), (l2, a2, b2) = one, two
    mean = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    g = 0.5 * (1 - math.sqrt(mean**7 / (mean**7 + 25**7)))
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = math.hypot(a1, b1), math.hypot(a2, b2)
    h1, h2 = math.degrees(math.atan2(b1, a1)) % 360, math.degrees(math.atan2(b2, a2)) % 360
    grey = c1 * c2 == 0
    turn = 0 if grey else (h2 - h1 + 180) % 360 - 180
    hue = h1 + h2 if grey else (h1 + turn / 2) % 360
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    dh = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2))
    cos = lambda degrees: math.cos(math.radians(degrees))
    t = 1 - 0.17 * cos(hue - 30) + 0.24 * cos(2 * hue) + 0.32 * cos(3 * hue + 6) - 0.2 * cos(4 * hue - 63)
    sl = 1 + 0.015 * (lightness - 50) ** 2 / math.sqrt(20 + (lightness - 50) ** 2)
    sc, sh = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    turning = math.sin(math.radians(60 * math.exp(-(((hue - 275) / 25) ** 2))))
    rt = -2 * math.sqrt(chroma**7 / (chroma**7 + 25**7)) * turning
    dl, dc, dh = (l2 - l1) / sl, (c2 - c1) / sc, dh / sh
    return math.sqrt(dl * dl + dc * dc + dh * dh + rt * dc * dh)


def difference(a, b):
    return ciede2000(lab(deuteranopic(linear(a))), lab(deuteranopic(linear(b))))


def check_arithmetic(complain):
    """Published values of CIEDE2000 (pairs 1, 7, 17, 20 and 25), and colours that such eyes take for each other."""
    for one, two, want in (
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((50, 2.5, 0), (50, 3.2592, 0.3350), 1.0000),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ):
        got = ciede2000(one, two)
        if abs(got - want) > 5e-5:  # they are printed with four digits
            complain("CIEDE2000 of %s and %s is %.4f, not %.4f" % (one, two, got, want))
    if any(abs(sum(row) - 1) > 2e-6 for row in DEUTERANOPIA):
        complain("the simulation changes greys")
    if difference("#c00000", "#5f6a00") > 10:
        complain("red and olive are told apart without green cones: the simulation is wrong")


def check_pages(root, colours, complain):
    with open(os.path.join(root, "src/report/page.css"), encoding="utf-8") as stream:
        light, dark = re.findall(r":root \{(.*?)\}", stream.read(), re.S)[:2]
    css = {
        "dark": dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", dark)),
        "light": dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", light)),
    }
    with open(os.path.join(root, "src/report/page.c"), encoding="utf-8") as stream:
        names = dict(re.findall(r'\{0x([0-9a-f]{6}), "([\w-]+)"\}', stream.read()))
    for name, theme in sorted(colours):
        variable = names.get(colours[name, "light"][1:])
        got = css[theme].get(variable)
        if name != "faint" and got != colours[name, theme]:
            complain("%s is %s in style.gp, %s in page.css (%s)" % (name, colours[name, theme], got, theme))


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    plots = os.path.join(root, "plots")
    faults = []
    check_arithmetic(faults.append)
    with open(os.path.join(plots, "style.gp"), encoding="utf-8") as stream:
        style = stream.read()
    colours = {(name, t): c for name, d, l in COLOUR.findall(style) for t, c in (("dark", d or l), ("light", l))}
    array = re.search(r"^array series_colour\[\d\] = \[(.*)\]", style, re.M)
    series = array.group(1).split(", ") if array else []
    for (name, theme), colour in colours.items():
        paper = colours["paper", theme]
        grey = colour[1:3] == colour[3:5] == colour[5:7]
        if name.startswith("c_") and colour not in PALETTE and not grey:
            faults.append("%s (%s): %s is not in the palette" % (name, theme, colour))
        if name.startswith("c_") and contrast(colour, paper) < LINE:
            faults.append("%s (%s): contrast %.2f to the paper" % (name, theme, contrast(colour, paper)))
        if name.startswith("w_") and contrast(colour, paper) < WORD:
            faults.append("%s (%s): contrast %.2f to the paper" % (name, theme, contrast(colour, paper)))
    checked, worst = 0, (math.inf, "")
    for script in sorted(os.listdir(plots)):
        if not script.endswith(".gp") or script == "style.gp":
            continue
        with open(os.path.join(plots, script), encoding="utf-8") as stream:
            text = stream.read()
        drawn = {name for name in DRAWN.findall(GUIDE.sub("", text)) if (name, "light") in colours}
        drawn |= set(series) if "series_colour[" in text else set()
        drawn.update(*(names.split(", ") for names in LIST.findall(text)))
        for theme, (a, b) in itertools.product(THEMES, itertools.combinations(sorted(drawn), 2)):
            found = difference(colours[a, theme], colours[b, theme])
            worst = min(worst, (found, "%s: %s and %s (%s)" % (script, a, b, theme)))
            checked += 1
            if found < DIFFERENCE:
                faults.append("%s (%s): %s and %s differ by %.1f" % (script, theme, a, b, found))
    if checked < 100:
        faults.append("only %d pairs of series found in plots/: the scripts are no longer read" % checked)
    check_pages(root, colours, faults.append)
    for fault in faults:
        print("colours.py:", fault)
    print("colours.py: %d pairs of series; the nearest differ by %.1f, %s" % (checked, *worst))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
