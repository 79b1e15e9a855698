"""Lines and headings of a language without blanks: shown_in.py width COLUMNS FILE, or shown_in.py page FILE."""
import re
import sys
import unicodedata

JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")


def width(line):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def wide_lines(columns, path):
    """Those of prose: commands are whole, to be copied."""
    with open(path, encoding="utf-8") as lines:
        return [line for line in lines.read().split("\n") if JAPANESE.search(line) and width(line) > columns]


def english_headings(path):
    with open(path, encoding="utf-8") as page:
        text = re.sub(r"<(style|script|svg|code)\b.*?</\1>", "", page.read(), flags=re.S)
    # what MEASURES.md says is in English
    found = re.findall(r'<(h1|h2|h3|caption|figcaption|summary)(?! id="means-)[^>]*>(.*?)</\1>', text, re.S)
    found += re.findall(r'<(p|div) class="(?:headline|verdict)[^>]*>(.*?)</\1>', text, re.S)
    if len(found) < 5:
        return ["%d headings only" % len(found)]
    return [body for _, body in found if not JAPANESE.search(body)]


left = wide_lines(int(sys.argv[2]), sys.argv[3]) if sys.argv[1] == "width" else english_headings(sys.argv[2])
print("\n".join(left))
sys.exit(len(left) > 0)
