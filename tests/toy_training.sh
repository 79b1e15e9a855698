#!/bin/sh
# A new term of the loss takes three files, and so does a new option of training: the recipes in src/head/README.md.
# This test follows them in a copy of the sources: it adds a toy of each, builds the program and the test of gradients,
# and looks for both on the command line, in the JSON, in the history and among the axes of a sweep.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/cli/lib.sh"

PYTHON=/usr/bin/python3
mkdir before
for name in README.md SECURITY.md analysis debian include meson.build meson_options.txt plots samples src tests; do
  cp -R "$CONTRAGAP_SOURCE/$name" before/ || exit 99
done

# edit FOLDER FILE PATTERN REPLACEMENT
edit() {
  "$PYTHON" - "$@" <<'END_OF_EDIT' || exit 99
import re, sys

folder, name, pattern, replacement = sys.argv[1:]
with open(f"{folder}/{name}", encoding="utf-8") as file:
    text, count = re.subn(pattern, replacement, file.read(), count=1, flags=re.S)
if not count:
    sys.exit(f"{name}: nothing matches {pattern}; mend the test and the recipe in src/head/README.md")
with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
    file.write(text)
END_OF_EDIT
}

# files_changed FROM TO MOST
files_changed() {
  diff -rq "$1" "$2" >changed
  checks=$((checks + 1))
  [ "$(wc -l <changed)" -le "$3" ] || complain "more than $3 files:" "$(cat changed)"
}

# A term: mean over the matched pairs of (1 − s)², with derivative −2 (1 − s) / pairs.
cp -R before term
public=include/contragap/contragap.h loss=src/head/model/loss.c reference=tests/head_reference.c
edit term $public 'align, xuniform;( /\* of the terms)' 'align, xuniform, toy;\1'
edit term $public 'double align, xuniform;' 'double align, xuniform, toy;'
edit term $loss '  \{\.key = "recall_at_1_image' '  {.key = "toy",
   .offset = VALUE(toy),
   .option = "weight-toy",
   .help = "weight of L_Toy; -1: as in --loss",
   .weight = WEIGHT(toy)},
\g<0>'
edit term $loss 'double align = 0,' 'double toy = 0, align = 0,'
edit term $loss 'align \+= 2 - 2 \* s;' 'toy += (1 - s) * (1 - s);
    \g<0>'
edit term $loss '\(-2 \* w->align / \(double\)p->count\)' '((-2 * w->align - 2 * w->toy * (1 - s)) / (double)p->count)'
edit term $loss 'terms->align = mean_of' 'terms->toy = mean_of(toy, p->count);
  \g<0>'
edit term $reference '  t\.align /= positives;' '\g<0>
  for (size_t k = 0; k < n * m; k++)
    t.toy += b->matched[k] ? (1 - s.s[k]) * (1 - s.s[k]) / positives : 0;'
edit term $reference '\(w->xuniform > 0 \? w->xuniform \* t->xuniform : 0\)' '\g<0> + w->toy * t->toy'
edit term $reference '-2 \* w->align / positives' '(-2 * w->align - 2 * w->toy * (1 - s.s[k])) / positives'
files_changed before term 3

# An option: by what AdamW's learning rate is multiplied.
cp -R term option
edit option $public '  double decay;' '  double toy_factor;
\g<0>'
edit option $public '\.decay = 0\.1,' '.toy_factor = 1, \g<0>'
edit option src/head/training/train_options.c '  \{"decay"' '  {"toy-factor", CGAP_TRAIN_REAL, FIELD(toy_factor), "Training", .help = "of the rate", .high = 4,
   .value = "X", .sweep = {.place = LAST_PLACE}},
\g<0>'
edit option src/head/training/trainer.c 'learning_rate = cgap_train_rate\(options\)' '\g<0> * options->toy_factor'
files_changed term option 3

runs meson setup option/build option -Dwerror=true -Dmpi=disabled
want_rc 0
runs ninja -C option/build src/cli/contragap tests/test_head_gradients
want_rc 0
[ "$rc" -eq 0 ] || { tail -n 20 out >&2 && finish; }
CONTRAGAP=$work/option/build/src/cli/contragap

# the gradients, of every row of the table alone
runs option/build/tests/test_head_gradients
want_rc 0

# --help, bounds, history, the JSON of the options
run train --help
want_rc 0
want_text out "--weight-toy X" "weight of L_Toy" "--toy-factor X" "of the rate [1]"
run simulate --model offset --n 200 --d 16 -o pairs.h5
want_rc 0
run train pairs.h5 -o refused --weight-toy -2
want_rc 2
want_text err "--weight-toy -2: give a number from 0 to"
run train pairs.h5 -o refused --toy-factor 5
want_rc 2
want_text err "--toy-factor 5: give a number from 0 to 4"
run train pairs.h5 -o trained --weight-toy 2 --toy-factor 0.5 --epochs 2 --history-csv --quiet
want_rc 0
want_text trained/history.csv "training.toy" "validation.toy"
want_text trained/compare.json '"weight_toy": 2' '"toy_factor": 0.5'
want_text trained/after.json "clip,uniform,align,toy"

# --resume tells runs apart by both
for other in "--weight-toy 1 --toy-factor 0.5" "--weight-toy 2 --toy-factor 1"; do
  # shellcheck disable=SC2086
  run train pairs.h5 -o trained $other --epochs 2 --quiet --resume
  want_rc 2
  want_text err "other options"
done

# axes of a sweep
run sweep pairs.h5 -o swept --loss clip --seeds 1 --weight-toy 0,3 --toy-factor 0.5,1 --epochs 1 --quiet
want_rc 0
want_text swept/sweep.csv "weight-toy" "toy-factor"
checks=$((checks + 1))
[ "$(wc -l <swept/sweep.csv)" -eq 5 ] || complain "not four runs:" "$(cat swept/sweep.csv)"

finish
