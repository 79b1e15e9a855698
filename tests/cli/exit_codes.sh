# The exit codes of every command, each once: 0 fine, 1 a threshold was crossed, 2 usage, 3 a file, 4 the data, 5 memory
# or disk, 130 interrupted. And --fail-if of the commands that take it.
. "$(dirname "$0")/lib.sh"
draw_nothing

run simulate --model clip --n 60 --d 8 --seed 1 -o a.h5 --quiet
run simulate --model clip --n 60 --d 8 --seed 2 -o b.h5 --quiet
/usr/bin/python3 - <<'END' || exit 99
import h5py, numpy as np
with h5py.File("a.h5") as f, h5py.File("nan.h5", "w") as g, h5py.File("out-of-range.h5", "w") as h:
    x, y = f["image"][()], f["text"][()]
    h["image"], h["text"], h["text_image"] = x, y, np.arange(60) + 7
    x[3] = np.nan
    g["image"], g["text"] = x, y
END
train="--epochs 1 --batch full"

# 0
fine info a.h5
fine audit a.h5 -o report
# shellcheck disable=SC2086
fine train a.h5 -o closed $train
fine apply closed a.h5 -o applied.h5
fine apply --method center a.h5 -o centered.h5
fine compare a.h5 centered.h5
# shellcheck disable=SC2086
fine sweep a.h5 -o swept --loss cua --seeds 1 $train
fine plot report
fine convert a.h5 -o converted.h5
fine bench --n 300 --d 16 --quiet

# 2
for command in info audit train apply compare sweep plot simulate convert bench; do
  refused 2 "unknown option" $command --no-such-option
done

# 3: what is read is missing, what would be written may not be replaced
refused 3 "none.h5" info none.h5
refused 3 "none.h5" audit none.h5
refused 3 "none.h5" train none.h5 -o new
refused 3 "none.h5" apply closed none.h5 -o new.h5
refused 3 "none.h5" compare a.h5 none.h5
refused 3 "none.h5" sweep none.h5 -o new
refused 3 "none" plot none
refused 3 "none.h5" convert none.h5 -o new.h5
refused 3 "none/new.h5" simulate --n 20 --d 8 -o none/new.h5
# shellcheck disable=SC2086
refused 3 "--force" train a.h5 -o closed $train
# shellcheck disable=SC2086
refused 3 "--force" sweep a.h5 -o swept --loss cua --seeds 1 $train
echo mine >mine.h5
refused 3 "--force" simulate --n 20 --d 8 -o mine.h5
refused 3 "--force" convert a.h5 -o mine.h5

# 4
refused 4 "out-of-range.h5|60 images" info out-of-range.h5
refused 4 "nan.h5|NaN" audit nan.h5
# shellcheck disable=SC2086
refused 4 "nan.h5|NaN" train nan.h5 -o new $train
refused 4 "nan.h5|NaN" apply closed nan.h5 -o new.h5
refused 4 "nan.h5|NaN" compare a.h5 nan.h5
# shellcheck disable=SC2086
refused 4 "nan.h5|NaN" sweep nan.h5 -o new $train
refused 4 "out-of-range.h5" convert out-of-range.h5 -o new.h5
want_absent new new.h5

# 5: a limit of memory, and an output that takes no more
# shellcheck disable=SC2086
for command in "audit a.h5" "train a.h5 -o new $train" "apply closed a.h5 -o new.h5" "compare a.h5 b.h5" \
  "sweep a.h5 -o new $train"; do
  refused 5 "--memory" $command --memory 1K
done
want_absent new new.h5
for command in "info a.h5" "audit a.h5" "compare a.h5 b.h5" "train a.h5 -o full $train --quiet" \
  "sweep a.h5 -o swept-again --loss cua --seeds 1 $train --quiet" "apply closed a.h5 -o full.h5 --quiet" \
  "plot report --terminal" "bench --n 300 --d 16 --quiet"; do
  # shellcheck disable=SC2086
  runs sh -c '"$0" "$@" >/dev/full' "$CONTRAGAP" $command
  want_rc 5
  want_text err "standard output"
done

# 130: what is done long enough
run simulate --model clip --n 12000 --d 512 --seed 1 -o large.h5 --quiet
interrupted() {
  runs timeout --preserve-status -k 60 -s INT 1 "$CONTRAGAP" "$@"
  want_rc 130
  want_text err "interrupted"
}
interrupted audit large.h5 --threads 1
interrupted train large.h5 -o stopped --epochs 500 --threads 1
interrupted sweep large.h5 -o stopped-sweep --epochs 500 --threads 1
interrupted compare large.h5 large.h5 --threads 1

# 1, and what is in the JSON
key=gap.centroid_distance
refused 1 "threshold crossed: $key is 0." audit a.h5 --fail-if "$key>0.1"
refused 1 "the difference of $key from a.h5 to centered.h5" compare a.h5 centered.h5 --fail-if "$key<-0.1"
# shellcheck disable=SC2086
refused 1 "after: $key is" train a.h5 -o failing $train --quiet --fail-if "$key>0.0001"
want_file failing/after.json failing/report.html
# shellcheck disable=SC2086
refused 1 "before: $key is" train a.h5 -o failing --force $train --quiet --fail-if "before:$key>0.5" --fail-if "$key>9"
# shellcheck disable=SC2086
refused 1 "the difference of $key from before to after is -0." train a.h5 -o failing --force $train --quiet \
  --fail-if "diff:$key<-0.1" --json
/usr/bin/python3 - <<'END' || complain "no outcome in the JSON of train"
import json
one, = json.load(open("out"))["fail_if"]
assert one["test"] == "diff:gap.centroid_distance<-0.1" and one["crossed"] is True and one["value"] < -.1, one
END
# shellcheck disable=SC2086
ends 1 train a.h5 -o raced --race clip,cua $train --quiet --fail-if "$key>0.0001" --json
want_text err "clip: $key is" "cua: $key is"
want_text out '"run": "clip"' '"run": "cua"'
# shellcheck disable=SC2086
ends 1 sweep a.h5 -o failing-sweep --loss cua --dim 4,8 --seeds 1,2 $train --quiet --fail-if "$key>0.0001" --json
/usr/bin/python3 - <<'END' || complain "no outcome in the JSON of sweep"
import json
outcomes = json.load(open("out"))["fail_if"]
assert len(outcomes) == 4 and all(one["crossed"] for one in outcomes), outcomes
assert outcomes[0]["run"] == "seed 1, loss cua, dim 4, batch full", outcomes[0]
END
[ "$(grep -c 'threshold crossed' err)" -eq 4 ] || complain "not one line for each run: $(cat err)"
# shellcheck disable=SC2086
fine sweep a.h5 -o failing-sweep --force --loss cua --seeds 1 $train --quiet --fail-if "$key>9"

# 4: what cannot be tested, before what crosses; or a warning
absent=zero_shot.top_1
# shellcheck disable=SC2086
for command in "audit a.h5" "train a.h5 -o failing --force --quiet $train" \
  "sweep a.h5 -o failing-sweep --force --loss cua --seeds 1 --quiet $train"; do
  ends 4 $command --fail-if "$absent<9" --fail-if "$key>0.0001"
  want_text err "$absent is not in" "--allow-missing" "threshold crossed"
  ends 1 $command --fail-if "$absent<9" --fail-if "$key>0.0001" --allow-missing
  fine $command --fail-if "$absent<9" --allow-missing
  want_text err "warning"
done
# shellcheck disable=SC2086
refused 4 "$absent is not known in both" train a.h5 -o failing --force --quiet $train --fail-if "diff:$absent<9"

# a key with a star is every key that it fits; what is not there of them is left out, unless nothing is there
refused 1 "retrieval.image_to_text.recall_at_1 is" audit a.h5 --fail-if 'retrieval.*.recall_at_1<2' --quiet
ends 1 audit a.h5 --fail-if 'retrieval.*.recall_at_1<2' --json
want_text out '"key": "retrieval.image_to_text.recall_at_1"' '"key": "retrieval.text_to_image.recall_at_1"'
fine audit a.h5 --fail-if '*.recall_at_1>1'
refused 4 "csls.image_to_text.recall_at_1 is not in this report" audit a.h5 --fail-if 'csls.*<2'
refused 2 "no measure fits 'gap.nope*'" audit a.h5 --fail-if 'gap.nope*<2'
refused 2 "before: and diff: are of train" audit a.h5 --fail-if "before:$key<2"
refused 2 "did you mean $key?" train a.h5 -o new --fail-if 'diff:gap.centroid_distanc<2'
want_absent new

# tables for other documents
for command in "audit a.h5" "compare a.h5 applied.h5" "train a.h5 -o failing --force --quiet $train" \
  "sweep a.h5 -o failing-sweep --force --loss cua --dim 4,8 --seeds 1,2 --quiet $train"; do
  # shellcheck disable=SC2086
  fine $command --latex
  want_text out "\\begin{tabular}{" "\\toprule" "\\midrule" "\\bottomrule" "\\end{tabular}"
  checks=$((checks + 1))
  /usr/bin/python3 - <<'END' || complain "a line of the LaTeX table has other cells than its head: $command"
import re
table = re.search(r"\\begin\{tabular\}\{([lr]+)\}(.*?)\\end\{tabular\}", open("out").read(), re.S)
for row in table[2].split("\n"):
    if row.endswith("\\\\") and "multicolumn" not in row:
        assert len(re.findall(r"(?<!\\)&", row)) == len(table[1]) - 1, row
        assert not re.search(r"(?<!\\)[%#_]", row), row
END
  # shellcheck disable=SC2086
  fine $command --markdown
  want_text out "| ---: |"
  checks=$((checks + 1))
  awk -F'|' '/^\|/ { gsub(/\\\|/, ""); if (!columns) columns = NF; if (NF != columns) { print; exit 1 } }' out ||
    complain "a row of the Markdown table has other cells than its head: $command"
  # shellcheck disable=SC2086
  refused 2 "--markdown and --latex" $command --markdown --latex
done
finish
