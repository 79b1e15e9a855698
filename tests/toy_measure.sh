#!/bin/sh
# A new measure takes four files: "To add a measure" in analysis/README.md. This test follows that recipe in a copy of
# the sources: it adds a toy measure, builds the program, and looks for the measure wherever measures are reported.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/cli/lib.sh"

PYTHON=/usr/bin/python3
mkdir before
for name in README.md SECURITY.md analysis include meson.build meson_options.txt plots samples src; do
  cp -R "$CONTRAGAP_SOURCE/$name" before/ || exit 99
done
cp -R before after

# 1. its file: formula, fields, descriptor
cat >after/analysis/toy.c <<'END_OF_MEASURE'
/* gap.toy: images per dimension. */
#include "analysis/interval.h"
#include "analysis/measure.h"

static cgap_status finish(const cgap_audit_sums *e, cgap_audit *out, cgap_error *error)
{
  (void)error;
  out->gap.toy = cgap_scalar_number((double)e->image.rows / (double)e->dim, e->image.rows);
  return CGAP_OK;
}

static const cgap_field fields[] = {
  {"gap.toy", "images per dimension", CGAP_GROUP_GAP, 0, offsetof(cgap_audit, gap.toy), 3, CGAP_LOWER, 0,
   "Number of images, divided by the number of dimensions.", ""},
};

const cgap_measure cgap_measure_toy = {
  .name = "toy",
  .basis = CGAP_ON_ROWS,
  .finish = finish,
  .fields = fields,
  .field_count = sizeof fields / sizeof *fields,
};
END_OF_MEASURE

# 2. its name in the list of measures, 3. its file in the build, 4. its value in the results
"$PYTHON" - after <<'END_OF_EDITS' || exit 99
import re, sys

def edit(name, pattern, replacement):
    path = sys.argv[1] + "/" + name
    with open(path, encoding="utf-8") as file:
        text, count = re.subn(pattern, replacement, file.read(), count=1, flags=re.S)
    if not count:
        sys.exit(f"{name}: nothing matches {pattern}; mend the test and the recipe in analysis/README.md")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)

edit("analysis/measures.c", r"extern const cgap_measure\s", r"\g<0>cgap_measure_toy, ")
edit("analysis/measures.c", r"\bcgap_measures\[\w*\]\s*=\s*\{", r"\g<0>\n  &cgap_measure_toy,")
edit("analysis/meson.build", r"\bfiles\(", r"\g<0>\n  'toy.c',")
edit("include/contragap/contragap.h", r"typedef struct cgap_gap\s*\{", r"\g<0>\n  cgap_scalar toy;")
END_OF_EDITS
diff -rq before after >changed
checks=$((checks + 1))
[ "$(wc -l <changed)" -le 4 ] || complain "more than four files:" "$(cat changed)"

runs meson setup after/build after -Dwerror=true -Dtests=disabled -Dmpi=disabled
want_rc 0
runs ninja -C after/build
want_rc 0
[ "$rc" -eq 0 ] || { tail -n 20 out >&2 && finish; }
CONTRAGAP=$work/after/build/src/cli/contragap

# want_json FILE EXPRESSION: true of the JSON, which it calls r
want_json() {
  checks=$((checks + 1))
  "$PYTHON" -c 'import json, sys
r = json.load(open(sys.argv[1]))
sys.exit(0 if eval(sys.argv[2]) else 1)' "$1" "$2" || complain "$1: not $2"
}

run simulate --model clip --n 300 --d 60 -o five.h5
want_rc 0
run simulate --model clip --n 300 --d 100 -o three.h5
want_rc 0

# the table, the JSON and its schema, a threshold
run audit five.h5
want_rc 0
checks=$((checks + 1))
grep -Eq 'images per dimension +(↓ +)?5\.000' out || complain "not in the table:" "$(cat out)"
run audit five.h5 --json
want_rc 0
want_json out 'r["gap"]["toy"]["value"] == 5 and r["gap"]["toy"]["n"] == 300 and r["gap"]["toy"]["method"] == "exact"'
cp out report.json
run --help-schema
want_rc 0
cp out schema.json
want_json schema.json '"toy" in r["properties"]["gap"]["properties"]'
if "$PYTHON" -c 'import jsonschema' 2>/dev/null; then
  runs "$PYTHON" "$here/cli/report_schema.py" schema.json report.json
  want_rc 0
fi
run audit five.h5 --fail-if 'gap.toy>4.9'
want_rc 1
want_text err "gap.toy"
run audit five.h5 --fail-if 'gap.toy>5'
want_rc 0

# a sample says the same of the rows as a whole
run audit five.h5 --pairs sampled --sample-rows 150 --json
want_rc 0
want_json out 'r["gap"]["toy"]["value"] == 5 and r["gap"]["toy"]["method"] == "exact"'

# the page with its definition, and a comparison of two reports
for name in five three; do
  run audit $name.h5 -o $name
  want_rc 0
done
want_text five/report.html "<code>gap.toy</code>" "Number of images, divided by the number of dimensions."
run compare --all five/report.json three/report.json
want_rc 0
want_text out "images per dimension"
run compare five/report.json three/report.json --fail-if 'gap.toy<-1.9'
want_rc 1
want_text err "gap.toy"
run compare five/report.json three/report.json --fail-if 'gap.toy<-2'
want_rc 0

finish
