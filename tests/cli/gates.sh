# Gates: --fail-if worse, audit --against, --keys, samples/gate.sh. A gate that cannot be tested never passes.
. "$(dirname "$0")/lib.sh"
draw_nothing

for seed in 1 2; do
  fine simulate -o $seed.h5 --n 200 --d 16 --seed $seed --quiet
done
fine simulate -o fewer.h5 --n 150 --d 16 --seed 1 --quiet
fine apply 1.h5 --method center -o centered.h5 --quiet
for name in 1 centered fewer; do
  fine audit $name.h5 --json
  mv out $name.json
done

# what came of it, in the JSON: outcome TEST VALUE CROSSED
outcome() {
  /usr/bin/python3 - "$@" <<'END' || complain "the outcome is not $*" "$(grep -A30 fail_if out | head -c 600)"
import json, sys
test, value, crossed = sys.argv[1:]
found = [one for one in json.load(open("out"))["fail_if"] if one["test"] == test]
assert len(found) == 1, found
one = found[0]
assert json.dumps(one["crossed"]) == crossed, one
assert one["value"] is None if value == "null" else one["value"] == 0 if value == "0" else one["value"] > 0, one
if test == "worse" and crossed == "true":
    assert len(one["worse"]) == one["value"], one
END
}

valid() { # out is a report by the schema
  cp out valid.json
  if /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then
    works /usr/bin/python3 "$here/report_schema.py" "$CONTRAGAP_SOURCE/src/report/report.schema.json" valid.json
  fi
}

# the same file passes, a worse one does not
fine audit 1.h5 --against 1.json --json
outcome worse 0 false
valid
fine audit 1.h5 --against 1.json
want_text out "Against 1.json" "no measure is significantly better or worse"
fine audit 1.h5 -o report --quiet
fine audit 1.h5 --against report --fail-if worse
refused 1 "threshold crossed: gap.corrected_distance is significantly worse in 1.h5 than in centered.json|more (--fail-if 'worse')" \
  audit 1.h5 --against centered.json --quiet
ends 1 audit 1.h5 --against centered.json --fail-if 'retrieval.*.recall_at_1<2' --json --quiet -o crossed
outcome worse some true
valid
want_file crossed/report.json
ends 1 audit 1.h5 --against centered.json --fail-if worse --fail-if 'diff:gap.rmg>0'
want_text err "the difference of gap.rmg from centered.json to 1.h5 is"
want_text out "worse: Gap: corrected distance"
fine compare 1.h5 1.h5 --fail-if worse --json
outcome worse 0 false
ends 1 compare centered.h5 1.h5 --fail-if worse --json
outcome worse some true
ends 1 compare centered.json 1.json --fail-if worse
run train 1.h5 -o trained --select none --epochs 2 --quiet --json --fail-if worse --allow-missing
outcome_code=$rc
[ "$outcome_code" -le 1 ] || complain "train --fail-if worse ended with $outcome_code"
want_text out '"test": "worse"'

# another sample of the same model is worse in some measure by its own interval, not after the correction for all
for seed in 39 40; do
  fine simulate -o $seed.h5 --n 200 --d 16 --seed $seed --quiet
done
fine audit 39.h5 --json
cp out 39.json
ends 1 compare 39.json 40.h5 --fail-if worse
fine audit 40.h5 --against 39.json
tr '\n' ' ' <out >line
want_text line "no measure is significantly better or worse" "Holm's correction for all measures"

# what cannot be tested is 4: other rows, no pairs, null, absent, no intervals
refused 4 "'worse' cannot be tested|depends on the number of rows, which differs in fewer.h5|--allow-missing" audit fewer.h5 --against 1.json
ends 4 audit 1.h5 --unpaired --against 1.json --json
outcome worse null null
want_text err "gap.rmg is not in 1.h5"
ends 4 compare 1.h5 fewer.h5 --fail-if worse
fine audit fewer.h5 --against 1.json --allow-missing
want_text err "warning: --fail-if 'worse' cannot be tested"
/usr/bin/python3 - <<'END'
import json
def change(name, to, value):
    def visit(o):
        for v in o.values():
            if isinstance(v, dict):
                visit(v)
        if "ci95" in o:
            o.update(value)
    j = json.load(open(name)); visit(j); json.dump(j, open(to, "w"))
change("1.json", "bare.json", {"ci95": None})
change("centered.json", "bare2.json", {"ci95": None})
change("1.json", "null.json", {"value": None, "ci95": None, "why": "gone"})
j = json.load(open("1.json")); j["gap"]["rmg"].update(value=None, ci95=None, why="gone"); json.dump(j, open("one.json", "w"))
json.dump({"a": 1}, open("other.json", "w"))
END
refused 4 "has an interval only in 2.h5" audit 2.h5 --against bare.json
refused 4 "no difference between bare.json and bare2.json has an interval" compare bare.json bare2.json --fail-if worse
refused 4 "gap.rmg is null in one.json" compare 1.json one.json --fail-if worse
ends 4 compare 1.json null.json --fail-if worse
refused 4 "null.json has no value of a measure with a better direction" compare null.json 1.json --fail-if worse
ends 4 audit 1.h5 --against null.json
ends 4 compare 1.json null.json --fail-if 'gap.rmg<9'
# 4 wins over 1
ends 4 compare centered.json null.json --fail-if worse --fail-if 'gap.rmg>-9'
ends 4 audit 1.h5 --against fewer.json --fail-if 'gap.corrected_distance>0'
refused 4 "other.json: no report" audit 1.h5 --against other.json
refused 4 "1.h5: no JSON" audit 1.h5 --against 1.h5
refused 3 "nothing.json: cannot be read" audit 1.h5 --against nothing.json
refused 2 "worse than what?" audit 1.h5 --fail-if worse
refused 2 "worse than what?" sweep 1.h5 -o sweep --fail-if worse
refused 2 "needs KEY" audit 1.h5 --fail-if ''
refused 2 "needs KEY" audit 1.h5 --fail-if 'worse '
refused 2 "no measure 'worse'" audit 1.h5 --fail-if 'worse>0'
refused 2 "before: and diff:" compare 1.h5 1.h5 --fail-if 'diff:gap.rmg>0'
refused 2 "before: and diff:" audit 1.h5 --against 1.json --fail-if 'before:gap.rmg>0'

# every key of --keys can be tested; without files all are listed, each of which is known
tests_of() { awk '{ printf "%s>1e300\n", $1 }' "$1"; }
all_of() { # COMMAND LIST: one run with a --fail-if for each key
  command=$1
  set --
  while read -r test; do
    set -- "$@" --fail-if "$test"
  done <tests
  # shellcheck disable=SC2086
  fine $command "$@"
}
fine simulate -o rich.h5 --n 120 --d 16 --classes 3 --seed 3 --quiet
fine audit rich.h5 --csls --keys
cp out keys
want_text out "gap.corrected_distance " "corrected distance; " "better lower" "zero_shot.top_1" "csls.image_to_text.recall_at_1" "unit fraction"
tests_of keys >tests
all_of "audit rich.h5 --csls"
fine compare rich.h5 centered.h5 --keys
tests_of out >tests
want_text out "difference of Gap: corrected distance"
all_of "compare rich.h5 centered.h5"
fine audit --keys
[ "$(wc -l <out)" -ge "$(wc -l <keys)" ] || complain "--keys without a file lists fewer than with one"
tests_of out >tests
ends 4 audit centered.h5 --fail-if "$(head -n 1 tests)" --fail-if 'csls.image_to_text.recall_at_1>1'
fine train --keys
want_text out "before:gap.corrected_distance" "diff:gap.corrected_distance"
grep -v 'zero_shot\|arithmetic' out >keys
tests_of keys >tests
# a training without classes and arithmetic
set --
while read -r test; do
  set -- "$@" --fail-if "$test"
done <tests
ends 0 train 1.h5 -o trained --force --select none --epochs 1 --quiet "$@"
fine sweep --keys
grep -v 'zero_shot\|arithmetic' out >keys
tests_of keys >tests
all_of "sweep 1.h5 -o sweep --loss cua --epochs 1 --quiet"
fine audit --keys --json
/usr/bin/python3 -c 'import json
keys = json.load(open("out"))
assert len(keys) > 100 and set(keys[0]) == {"key", "name", "unit", "better", "present"}, keys[0]' || complain "--keys --json"

# the sample, and the workflow of the README that runs it
gate=$CONTRAGAP_SOURCE/samples/gate.sh
works sh "$gate" --accept accepted.json centered.h5
works sh "$gate" accepted.json centered.h5
want_file gate/report.json
runs sh "$gate" accepted.json 1.h5
want_rc 1
runs sh "$gate" accepted.json centered.h5 --fail-if 'gap.corrected_distance<9'
want_rc 1
runs sh "$gate" none.json centered.h5
want_rc 3
works sh "$gate" --accept accepted.json 1.h5
runs sh "$gate" accepted.json fewer.h5
want_rc 4
works sh "$gate" --accept accepted.json centered.h5
works cp centered.h5 embeddings.h5
line=$(sed -n 's/.*run: samples\/gate.sh //p' "$CONTRAGAP_SOURCE/README.md")
[ -n "$line" ] || complain "the README has no line that runs samples/gate.sh"
works sh -c "sh '$gate' $line"

finish
