"""English words that are left in what is shown in another language:

  english_left.py OUTPUT.txt|PAGE.html... [-- NAME...]

Prints each line or text with such words. Not counted are commands, options, keys, names of files and columns, units, and
what has no other name (KEPT), settings (SETTINGS); NAMEs are what the user called things. Of a page the definitions and
MEASURES, which are English, scripts, drawings and code are left out."""
import re
import sys
from html.parser import HTMLParser

KEPT = set("""CLIP CUA CUAXU InfoNCE MRR nDCG kNN CKA MMD AUC PCA IsoScore RankMe CSLS Holm Wilson Spearman Robin Hood d n k p t x
  ID NaN JSON TSV CSV HDF MEASURES SVG PNG contragap gnuplot audit compare train center top bfloat float MB GB KB ms
  bootstrap infonce mrr z i A B""".split())
# of data sets, and of candidates and losses, which are settings: their names are options' values
SETTINGS = set("""whiten shrinkage residual linear from temperature rate half original cca procrustes shift clip cua cuaxu
  after start rows of""".split())
WORD = re.compile(r"[A-Za-z]+")
# keys, options, files, folders, hashes, versions: no word of a sentence holds these signs
NAME = re.compile(r"[A-Za-z0-9_*~%-]*[A-Za-z0-9_*~-](?:[._/=:@][A-Za-z0-9_*~%-]+)+/?|--?[A-Za-z-]+|[a-z]+/|[A-Za-z]*[0-9]+[A-Za-z0-9]*|[a-z]+_[a-z_]+")
COMMAND = re.compile(r"contragap [a-z]+ .*")


def words(text, names):
    text = NAME.sub(" ", COMMAND.sub(" ", text))
    return [w for w in WORD.findall(text) if w not in KEPT | SETTINGS and w not in names]


class Page(HTMLParser):
    """Texts by block; attributes that are read aloud or shown."""
    SKIPPED = {"style", "script", "svg", "code", "pre", "kbd", "title"}
    INLINE = {"b", "strong", "em", "i", "span", "a", "small", "sub", "sup", "abbr", "br"}

    def __init__(self):
        super().__init__()
        self.skipped, self.depth, self.texts = None, 0, [""]

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        if self.skipped is None and (tag in self.SKIPPED or named.get("lang") == "en" or
                                     named.get("id") in ("definitions",)):
            self.skipped, self.depth = tag, 0
        if self.skipped == tag:
            self.depth += 1
        if self.skipped is None:
            self.texts += [named[a] for a in ("alt", "title", "aria-label", "data-label") if named.get(a)]
            if tag not in self.INLINE:
                self.texts.append("")

    def handle_endtag(self, tag):
        if self.skipped == tag:
            self.depth -= 1
            if self.depth == 0:
                self.skipped = None
        elif self.skipped is None and tag not in self.INLINE:
            self.texts.append("")

    def handle_data(self, data):
        if self.skipped is None:
            self.texts[-1] += data


def texts(path):
    with open(path, encoding="utf-8") as file:
        content = file.read()
    if not path.endswith(".html"):
        # messages stay English
        return [line for line in content.split("\n") if not line.startswith("contragap: ")]
    page = Page()
    page.feed(content)
    return [" ".join(text.split()) for text in page.texts]


def main():
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    names, left = set(sys.argv[split + 1:]), []
    for path in sys.argv[1:split]:
        seen = set()
        for text in texts(path):
            found = words(text, names)
            if found and text not in seen and not text.startswith('{"'):
                seen.add(text)
                left.append("%s: %s: %s" % (path, " ".join(found), text.strip()))
    print("\n".join(left))
    sys.exit(len(left) > 0)


main()
