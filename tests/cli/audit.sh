# contragap audit through the command line: what is printed, what is written, and every exit code of its own.
. "$(dirname "$0")/lib.sh"

fine simulate -o pairs.h5 --model clip --n 60 --d 16 --captions 2 --classes 4 --seed 3

want_empty() {
  checks=$((checks + 1))
  [ ! -s "$1" ] || complain "$1 is not empty:" "$(head -c 2000 "$1")"
}

# the program itself
run
want_rc 0
want_text out "audit" "usage: contragap COMMAND"
cp out listed
fine --help
cp out helped
works cmp helped listed
fine --version
want_line out "contragap "
refused 2 "unknown command audti|did you mean audit?" audti
refused 2 "unknown option --nonsense" --nonsense

# help: the example first, live defaults
fine audit --help
want_text out "usage: contragap audit" "example:" "contragap audit pairs.h5" "[auto]" "--fail-if" "--memory SIZE"
cp out help
runs sed -n 1p help
want_line out "example:"

# usage errors: one line, exit 2, nothing on stdout
refuse() {
  words=$1
  shift
  refused 2 "$words" "$@"
  want_empty out
}
refuse "did you mean --threads?" audit --thread 2 pairs.h5
refuse "--threads 2x" audit --threads 2x pairs.h5
refuse "--threads -1" audit --threads -1 pairs.h5
refuse "--threads 0" audit --threads 0 pairs.h5
refuse "--memory 5Q" audit --memory 5Q pairs.h5
refuse "--memory -5" audit --memory -5 pairs.h5
refuse "--seed 1.5" audit --seed 1.5 pairs.h5
refuse "did you mean always?" audit --progress allways pairs.h5
refuse "needs a value" audit pairs.h5 --image
refuse "unknown option -x" audit -x pairs.h5
refuse "did you mean gap.centroid_distance?" audit pairs.h5 --fail-if 'gap.centroid_distanc>1'
refuse "no measure 'gap.foo'; report.json names them" audit pairs.h5 --fail-if 'gap.foo>1'
refuse "a number must follow" audit pairs.h5 --fail-if 'gap.rmg>much'
refuse "one of < <= > >=" audit pairs.h5 --fail-if 'gap.rmg'
refuse "give one of them" audit pairs.h5 --json --markdown

# the table
fine audit pairs.h5
want_text out "pairs.h5: 60 images, 120 texts, d = 16" "The gap is" "centroid distance" "recall@1" "top 1" "score (percent)"
cp out table
runs grep -c "$(printf '\033')" table
want_rc 1

runs grep -n ' $' table
want_rc 1
runs tail -n 1 table
want_text out "lower is better"

# the verdict of rows from which a shift was subtracted, of two sets, of class texts alone, of a sample
fine simulate --model clip --n 600 --d 64 --classes 5 --seed 3 -o mixing.h5 --quiet
fine apply --method center mixing.h5 -o centred.h5 --quiet
fine audit centred.h5 --quiet
want_text out "The modalities are apart: the shift is gone, the neighbourhoods still differ."
fine audit centred.h5 --json --quiet
want_text out '"gap": "apart"' '"pairing": "matched"' '"schema_version": 1' "Search: among 600 texts"
fine audit mixing.h5 --unpaired --json --quiet
want_text out "The gap is severe: corrected distance 0." "A linear classifier tells images from texts" "of 64 dimensions about"
fine audit mixing.h5 --text /class_text --unpaired --json --quiet
want_text out "is not known (under 30 rows of a modality: too few to learn)"
run audit mixing.h5 --text /class_text --unpaired --quiet --all # on two lines, whole
want_rc 0
want_text out "n/a  under 30 rows of a modality: too few to" "                                      learn"
fine audit mixing.h5 --pairs sampled --sample-rows 100 --json --quiet
want_text out '"gap": "severe"' "Search: among 600 texts"

# the plan, and what -v says
fine audit pairs.h5 --dry-run -o never
want_line out "plan: 60 images, 120 texts, d = 16" "rows stay in memory" "M allowed"
want_empty err
want_absent never
refused 5 "--memory allows 40M; give --memory" audit pairs.h5 --dry-run --memory 40M
fine audit pairs.h5 -v
want_text err "plan: 60 images" "in all"

# data measured against themselves
fine audit pairs.h5 --image pairs.h5:/image --text pairs.h5:/image
want_line err "the same dataset"
want_text out "! Image and text are the same rows (60 of 60 pairs equal)"

# --json: JSON and nothing else, valid by the schema
fine audit pairs.h5 --json
cp out plain.json
want_empty err
fine audit pairs.h5 --unpaired --json
cp out unpaired.json
# the schema in the repository is the one that the program makes of its measures; contragap --help-schema writes it
fine --help-schema
cp out schema.json
works cmp schema.json "$CONTRAGAP_SOURCE/src/report/report.schema.json"
if /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then
  works /usr/bin/python3 "$here/report_schema.py" "$CONTRAGAP_SOURCE/src/report/report.schema.json" plain.json unpaired.json
fi
runs grep -c retrieval unpaired.json
want_rc 1

# --markdown
fine audit pairs.h5 --markdown
want_text out "| measure | value | 95 % interval | better |" "| Gap: centroid distance | "

# -o: everything, complete; what else lies there stays
mkdir -p made
echo mine >made/notes.txt
fine audit pairs.h5 -o made
want_file made/report.json made/rows.tsv made/figures/scatter.tsv made/figures/scatter.gp made/figures/style.gp
runs cat made/notes.txt
want_line out mine
runs sh -c 'find made -name "*tmp*" -o -name ".contragap*" | grep .'
want_rc 1
runs head -n 1 made/rows.tsv
want_line out "text	image	cosine	rank_text_to_image	rank_image_to_text"
runs sh -c 'wc -l <made/rows.tsv'
want_line out 121
if command -v gnuplot >/dev/null 2>&1; then
  for figure in scatter cosines variance dimensions recall plane; do
    want_file "made/figures/$figure.svg"
  done
fi
fine audit pairs.h5 --unpaired -o unpaired
want_absent unpaired/rows.tsv unpaired/figures/recall.tsv
want_file unpaired/report.json unpaired/figures/scatter.tsv

# over an earlier report nothing is left that does not belong to the new one
mkdir -p again/figures
echo mine >again/figures/mine.svg
fine audit pairs.h5 -o again
want_file again/rows.tsv again/figures/recall.tsv
fine audit pairs.h5 --unpaired -o again
want_absent again/rows.tsv again/figures/recall.tsv again/figures/recall.svg again/figures/plane.gp
want_file again/report.json again/figures/mine.svg

# only "run" may differ between two runs, whatever the threads
run audit pairs.h5 --threads 1 --json
cp out one.json
run audit pairs.h5 --threads 2 --json
runs sh -c 'sed "/^  \"run\"/,\$d" one.json >one && sed "/^  \"run\"/,\$d" plain.json >two && cmp one two'
want_rc 0

# no gnuplot: one line, everything else is there
mkdir empty
last="audit without gnuplot"
rc=0
PATH="$work/empty" "$CONTRAGAP" audit pairs.h5 -o bare --quiet >out 2>err || rc=$?
want_rc 0
want_line err "gnuplot is not installed" "gnuplot-nox"
want_file bare/report.json bare/figures/scatter.tsv bare/figures/scatter.gp
want_absent bare/figures/scatter.svg

# a place that cannot be written, before the computation
echo x >file
refused 3 "file: is a file, not a folder" audit pairs.h5 -o file
refused 3 "/proc/contragap" audit pairs.h5 -o /proc/contragap/report
runs mkdir locked
runs chmod a-w locked
if ! touch locked/x 2>/dev/null; then
  refused 3 "contragap: locked: cannot write into the folder" audit pairs.h5 -o locked
fi
ends 3 audit missing.h5 -o never/made
want_absent never

# a full disk: exit 5, nothing half-written, what stood before is whole
cp made/report.json before.json
runs sh -c 'ulimit -f 16; exec "$0" audit pairs.h5 -o made' "$CONTRAGAP"
want_rc 5
want_line err "made/" "cannot write"
works cmp made/report.json before.json
runs sh -c 'find made -name "*tmp*" | grep .'
want_rc 1
if [ -w /dev/full ]; then
  runs sh -c '"$0" audit pairs.h5 --json >/dev/full' "$CONTRAGAP"
  want_rc 5
  runs sh -c '"$0" audit --help >/dev/full' "$CONTRAGAP"
  want_rc 5
  want_line err "standard output: cannot be written"
fi

# thresholds: the report is written all the same
fine audit pairs.h5 --fail-if 'gap.centroid_distance<0' --fail-if 'uniformity.image>0'
refused 1 "gap.centroid_distance is|threshold crossed" audit pairs.h5 --fail-if 'gap.centroid_distance>0.01' --fail-if 'uniformity.image>0' -o crossed --quiet
want_file crossed/report.json
ends 4 audit pairs.h5 --unpaired --fail-if 'retrieval.image_to_text.recall_at_1<2'
want_line err "retrieval.image_to_text.recall_at_1 is not in this report" "--allow-missing"
fine audit pairs.h5 --unpaired --fail-if 'retrieval.image_to_text.recall_at_1<2' --allow-missing
want_line err "warning" "cannot be tested"
# a measure that this report lacks is no misspelt one
key=csls.image_to_text.recall_at_1 # only with --csls
refused 4 "$key is not in this report|--allow-missing" audit pairs.h5 --fail-if "$key<0.5"
fine audit pairs.h5 --fail-if "$key<0.5" --allow-missing
want_line err "warning" "$key is not in this report"
refused 4 "$key is not known in both|--allow-missing" compare pairs.h5 pairs.h5 --fail-if "$key<0.5"
fine audit pairs.h5 --csls --fail-if 'csls.image_to_text.recall_at_1<0'
refuse "did you mean gap.mmd2?" audit pairs.h5 --fail-if 'gap.mmd3<0.5'
refuse "no measure" audit pairs.h5 --fail-if 'csls.recall_at_1<0.5'

# what cannot be tested (4) comes before what is crossed (1), which comes before a warning
for first in 'gap.centroid_distance>0.01' 'gap.rmg<2'; do
  second='gap.rmg<2'
  [ "$first" = "$second" ] && second='gap.centroid_distance>0.01'
  ends 4 audit pairs.h5 --unpaired --fail-if "$first" --fail-if "$second" --json
  want_text err "gap.centroid_distance is" "gap.rmg is not in this report"
  cp out gates.json
  ends 1 audit pairs.h5 --unpaired --fail-if "$first" --fail-if "$second" --allow-missing
done
runs sh -c 'tr -d " \n" <gates.json'
want_text out '{"test":"gap.rmg<2","value":null,"crossed":null}' '"test":"gap.centroid_distance>0.01","value":0.' \
  '"crossed":true'
if /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then
  works /usr/bin/python3 "$here/report_schema.py" "$CONTRAGAP_SOURCE/src/report/report.schema.json" gates.json
fi

# progress goes to stderr, and only when asked for
fine audit pairs.h5 --quiet
want_empty err

# an interrupted run leaves nothing and says 130
fine simulate -o large.h5 --model uniform --n 30000 --d 128
runs timeout --preserve-status -s TERM 0.4 "$CONTRAGAP" audit large.h5 -o interrupted
want_rc 130
want_line err "interrupted"
want_absent interrupted

finish
