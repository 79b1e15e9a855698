# contragap audit --pairs: what a sample's report says of itself, and that it depends on the seed alone.
. "$(dirname "$0")/lib.sh"

fine simulate -o pairs.h5 --n 3000 --d 16 --captions 1-3 --classes 4 --seed 3

# the report without what may change between two runs
report() {
  fine audit pairs.h5 --json "$@"
  sed '/^  "run": {/,/^  }/d' out >report.json
}

# few rows: all pairs, whichever way it is asked
report
cp report.json plain.json
report --pairs exact
works cmp report.json plain.json
report --pairs auto
works cmp report.json plain.json
report --pairs sampled
want_line err "the sample would hold all rows" "--sample-rows"
works cmp report.json plain.json
runs grep -c '"sampled"' plain.json
want_rc 1

# a sample: said in the report, in the table, on the way
report --pairs sampled --sample-rows 600
cp report.json sampled.json
want_text sampled.json '"method": "sampled"' '"method": "exact"' '"image_queries"' '"gain"'
if /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then
  run audit pairs.h5 --json --pairs sampled --sample-rows 600
  cp out whole.json
  works /usr/bin/python3 "$here/report_schema.py" "$CONTRAGAP_SOURCE/src/report/report.schema.json" whole.json
fi
fine audit pairs.h5 --pairs sampled --sample-rows 600 -v -o folder
want_text out "Sampled: uniformity" "every candidate"
want_text err "a sample of" "images ranked"
want_file folder/report.json folder/report.html folder/figures/recall.svg folder/figures/cosines.svg
works grep -cE 'NA.*NA' folder/rows.tsv
fine audit pairs.h5 --pairs sampled --sample-rows 600 --dry-run
want_line out "plan: 3000 images" "a sample of"

# the same whatever the threads and the memory; another with another seed
report --pairs sampled --sample-rows 600 --threads 1
works cmp report.json sampled.json
report --pairs sampled --sample-rows 600 --memory 200M
works cmp report.json sampled.json
report --pairs sampled --sample-rows 600 --seed 1
runs cmp report.json sampled.json
want_rc 1

# in bfloat16 the ranks of queries are the same
ranks_of() {
  sed -n '/^  "retrieval": {/,/^  }/p' "$1"
}
run audit pairs.h5 --json --pairs sampled --sample-rows 600 --precision bf16
if [ "$rc" -eq 2 ]; then
  want_line err "bf16 needs"
else
  want_rc 0
  ranks_of out >rough
  ranks_of sampled.json >exact
  want_text exact recall_at_1
  works cmp rough exact
fi

# what cannot be
refused 2 "--pairs some" audit pairs.h5 --pairs some
refused 2 "--sample-rows 10" audit pairs.h5 --sample-rows 10
finish
