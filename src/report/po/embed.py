"""Writes gettext catalogues as tables in C: embed.py OUT.c LANGUAGE.po...

Entries that are empty, fuzzy or obsolete are left out: English is shown in their place. Read here and not by msgfmt, so
that the build needs no gettext; what msgfmt checks, a test asks it for."""
import ast
import os
import sys


def entries(path):
    """(msgid, msgstr, flags) of every entry, the header with msgid ''."""
    found, entry, flags, key = [], {}, set(), None
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(list(lines) + [""], 1):
            line = line.strip()
            if line.startswith("#,"):
                flags = {flag.strip() for flag in line[2:].split(",")}
            elif line.startswith(("msgid ", "msgstr ")):
                key, text = line.split(" ", 1)
                entry[key] = ast.literal_eval(text)
            elif line.startswith('"'):
                entry[key] += ast.literal_eval(line)
            elif not line and "msgstr" in entry:
                found.append((entry["msgid"], entry["msgstr"], flags))
                entry, flags = {}, set()
            elif line and not line.startswith("#"):
                sys.exit("%s:%d: %s: only msgid and msgstr are read" % (path, number, line))
    return found


def quoted(text):
    """A string of C; bytes beyond ASCII as octal escapes, which end after three digits."""
    return '"%s"' % "".join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else "\\%03o" % b for b in text.encode())


def table(code, path):
    found = sorted((i.encode(), i, s) for i, s, flags in entries(path) if i and s and "fuzzy" not in flags)
    for one, next_one in zip(found, found[1:]):
        if one[0] == next_one[0]:
            sys.exit("%s: twice: %s" % (path, one[1]))
    lines = "".join("  {%s,\n   %s},\n" % (quoted(i), quoted(s)) for _, i, s in found)
    return ("static const cgap_translation %s_table[] = {\n%s};\n"
            'static const struct cgap_language %s = {"%s", %s_table, %d};\n\n' % (code, lines, code, code, code, len(found)))


def main():
    codes = [os.path.splitext(os.path.basename(path))[0] for path in sys.argv[2:]]
    with open(sys.argv[1], "w", encoding="ascii") as out:
        out.write('#include "base/language.h"\n\n')
        for code, path in zip(codes, sys.argv[2:]):
            out.write(table(code, path))
        out.write('const char *const cgap_language_codes[] = {"en", %s, NULL};\n' % ", ".join('"%s"' % c for c in codes))
        out.write("const struct cgap_language *const cgap_languages[] = {NULL, %s};\n" % ", ".join("&" + c for c in codes))


if __name__ == "__main__":
    main()
