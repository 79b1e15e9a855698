"""Writes what the measures mean as HTML for the pages: meanings.py OUT.html MEASURES.md

The chapters on measures, with an anchor at each term that begins a paragraph in bold. No links lead out of a page."""
import html
import re
import sys

CHAPTERS = ["The gap", "Uniformity and alignment", "Retrieval", "PCA spectrum", "Hubness and neighbours",
            "Zero-shot and arithmetic", "Checks", "Intervals"]


def anchor(term):
    return "means-" + re.sub(r"[^a-z0-9]+", "-", term.lower()).strip("-")


def inline(text):
    text = html.escape(text, quote=False)
    text = re.sub(r"\[(\d{4}\.\d{5})\]\([^)]*\)", r"arXiv \1", text)
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"`([^`]*)`", r"<code>\1</code>", text)
    text = re.sub(r"\*\*([^*]*)\*\*", r"<strong>\1</strong>", text)
    return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", text)


def blocks(chapter):
    """Paragraphs and list items, each as one line."""
    for part in re.split(r"\n\s*\n", chapter.strip()):
        lines = []
        for line in part.split("\n"):
            if line.startswith("- ") or not lines:
                lines.append(line)
            else:
                lines[-1] += " " + line.strip()
        yield from lines


def chapter_html(title, text, seen):
    out, listed = ['<h3 id="%s">%s</h3>' % (anchor(title), html.escape(title))], False
    for block in blocks(text):
        item = block.startswith("- ")
        if item != listed:
            out.append("<ul>" if item else "</ul>")
            listed = item
        first = re.match(r"\*\*([^*]*)\*\*(?:[^*]*?, \*\*[^*]*\*\*)*", block)
        ids = []
        for bold in re.findall(r"\*\*([^*]*)\*\*", first.group(0)) if first else []:
            ids += [anchor(term) for term in bold.split(", ")]
        ids = [i for i in ids if i not in seen and not seen.add(i)]
        marks = "".join('<span id="%s"></span>' % i for i in ids)
        out.append("<%s>%s%s</%s>" % (("li" if item else "p"), marks, inline(block[2:] if item else block),
                                      "li" if item else "p"))
    return out + (["</ul>"] if listed else [])


def main(target, source):
    text = open(source, encoding="utf-8").read()
    parts = re.split(r"^## (.*)$", text, flags=re.M)
    found = dict(zip(parts[1::2], parts[2::2]))
    seen = {anchor(title) for title in CHAPTERS}
    intro = parts[0][parts[0].index("Figures are of contragap"):] # what comes before is about the files
    lines = ["<p>%s</p>" % inline(next(blocks(intro)))]
    for title in CHAPTERS:
        lines += chapter_html(title, found[title], seen)
    with open(target, "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")


main(*sys.argv[1:])
