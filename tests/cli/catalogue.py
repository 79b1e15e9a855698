"""Checks of a translation: catalogue.py FOLDER_OF_POT CATALOGUE.po. Formats are those of the English, names in braces too;
nothing is translated that no source has; everything is that the pages and sentences need, and how much is said."""
import re
import sys
sys.path.insert(0, sys.argv[3])
import embed

CONVERSION = re.compile(r"%(?:(\d+)\$)?[-+#0]*(?:\*|\d+)?(?:\.(?:\*|\d+))?(zu|llu|[diuxeEfgGcs])")
# keys and heads of tables for programs, names of things, and nothing
NOT_WORDS = re.compile(r"[A-Z_=/.a-z]*\.npy|NaN|\{image\}_to_\{text\}|\{text\}_to_\{image\}")


def conversions(text):
    return [(m.group(1), m.group(2)) for m in CONVERSION.finditer(text.replace("%%", ""))]


def has_words(text):
    return re.search(r"[A-Za-z]{2}", re.sub(r"\{[^}]*\}", "", CONVERSION.sub("", text)))


def same_arguments(english, words):
    wanted, given = [kind for _, kind in conversions(english)], conversions(words)
    if any(place for place, _ in given):
        return sorted(given, key=lambda g: int(g[0] or 0)) == [(str(k + 1), kind) for k, kind in enumerate(wanted)]
    return [kind for _, kind in given] == wanted


def names(text):
    return {re.sub(r"^(one|an|a) |s$", "", word.lower()) for word in re.findall(r"\{([A-Za-z ]+)\}", text)}


def main():
    bad = []
    found = {english: words for english, words, flags in embed.entries(sys.argv[2]) if english and "fuzzy" not in flags}
    sources = {english for english, _, _ in embed.entries(sys.argv[1] + "/strings.pot")}
    needed = [english for english, _, _ in embed.entries(sys.argv[1] + "/contragap.pot")
              if has_words(english) and not NOT_WORDS.fullmatch(english)]
    for english, words in found.items():
        if not same_arguments(english, words):
            bad.append("other arguments: " + english)
        if names(english) != names(words):
            bad.append("other names in braces: " + english)
        if english not in sources:
            bad.append("in no source: " + english)
    missing = [english for english in needed if not found.get(english)]
    bad += ["not translated: " + english for english in missing]
    print("%d of %d translated, %d entries" % (len(needed) - len(missing), len(needed), len(found)))
    print("\n".join(bad), file=sys.stderr)
    sys.exit(len(bad) > 0)


main()
