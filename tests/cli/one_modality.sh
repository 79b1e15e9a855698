# One modality alone, two whose widths differ, and drift: numbers as NumPy has them, and what is said of them.
. "$(dirname "$0")/lib.sh"
python=/usr/bin/python3
"$python" -c 'import numpy' 2>/dev/null || skip "NumPy is not here (Debian: python3-numpy)"
numpy() {
  works "$python" "$here/one_modality.py" "$@"
}
numpy make

# without "run", which may differ
rest() {
  "$python" -c 'import json, sys; r = json.load(open(sys.argv[1])); del r["run"]; del r["verdict"]; print(json.dumps(r))' "$1"
}

# one modality: by position, by name, by option
fine audit img.npy --json
cp out one.json
numpy check one.json img.npy
fine audit image=img.npy --json
rest one.json >one
rest out | cmp -s - one || complain "image=img.npy is another report"
fine audit img.npy --threads 1 --json
rest out | cmp -s - one || complain "threads change bits"
fine audit text=txt.npy --json
cp out text.json
numpy check text.json txt.npy
fine audit vectors.npy --json # a name that says nothing
cp out vectors.json
numpy check vectors.json vectors.npy
run audit img.npy --memory 1M
want_rc 5
memory=$(sed 's/.*give --memory \([0-9]*M\).*/\1/' err)
fine audit img.npy --memory "$memory" --json
rest out | cmp -s - one || complain "memory changes bits"

# what is said
fine audit speech=img.npy
want_text out 'speech rows' 'uniformity' 'dimensions' 'Hubs among' 'One modality by itself has no gap' \
  'contragap audit speech=img.npy OTHER=OTHER.npy' '13 speech rows repeat an earlier row exactly' 'Hubness within'
for word in Advice 'The gap' 'joint'; do
  ! grep -q "$word" out || complain "\"$word\" of one modality"
done
fine audit img.npy --markdown
want_text out '700 images, d'
fine audit img.npy --csv
want_text out 'hubness.image.skewness,' 'uniformity.image,'
fine audit img.npy --dry-run
want_text out 'plan: 700 images, d = 48'
fine info img.npy
want_text out 'measured' 'one modality by itself'
fine audit img.npy --pairs sampled --sample-rows 200
want_text out 'Sampled: ' '200 images'
ends 4 audit img.npy --fail-if 'gap.corrected_distance>0.1'
ends 1 audit img.npy --fail-if 'hubness.image.skewness>0.01'

# two widths
fine audit img.npy txt.npy --json
cp out two.json
numpy check two.json img.npy txt.npy
fine audit image=img.npy text=txt.npy
want_text out 'Two spaces: the images have 48 dimensions, the texts 20' 'linear CKA' 'Images' 'Texts'
! grep -q Advice out || complain "advice without a gap"
fine audit img.npy txt.npy --unpaired --json
"$python" -c 'import json; r = json.load(open("out")); assert "agreement" not in r and "text" in r["hubness"]' ||
  complain "unpaired spaces agree"
fine info img.npy txt.npy
want_text out 'two spaces of different width'
fine audit u.npy v.npy --image u.npy --text v.npy --json
"$python" -c 'import json; assert abs(json.load(open("out"))["agreement"]["cka"]["value"]) < .01' ||
  complain "unrelated spaces agree"
refused 3 'few.npy|650' audit image=img.npy text=few.npy

# equal widths: the same definition
fine audit img.npy --image img.npy --text wide.npy --json
cp out equal.json
"$python" - <<'END' || exit 99
import json
report = json.load(open("equal.json"))
report["hubness"] = {} # between the modalities, there
json.dump(report, open("equal.json", "w"))
END
numpy check equal.json img.npy wide.npy

# a head needs one space and two modalities
refused 4 'img.npy|txt.npy|d = 48 and 20: not one joint space' train img.npy txt.npy -o trained
refused 4 'img.npy|txt.npy|d = 48 and 20: not one joint space' apply --method center img.npy txt.npy -o out.h5
refused 3 'img.npy|no dataset can be the text' train img.npy -o trained
want_absent trained out.h5

# drift
fine audit old=old.npy new=new.npy --unpaired
want_text out 'The new rows drift from the old rows' 'Uniformity goes from' 'Their distributions differ' \
  'tells the two sets apart'
for word in Advice gap modality 'train '; do
  ! sed '/^Gap/,$d' out | grep -q "$word" || complain "\"$word\" of drift"
done
fine audit old=old.npy new=same.npy --unpaired
want_text out 'No drift of the mean is seen'
fine audit image=old.npy text=same.npy --unpaired
want_text out 'No gap is found'

# folders
fine audit img.npy -o alone
want_file alone/report.json alone/report.html alone/figures/cosines.svg alone/figures/variance.svg alone/rows.tsv
want_absent alone/figures/scatter.tsv alone/figures/dimensions.tsv alone/figures/recall.tsv
want_text alone/report.html 'Embeddings of img.npy' 'Cosines within a modality'
[ "$(wc -l <alone/rows.tsv)" -eq 701 ] || complain "rows.tsv has $(wc -l <alone/rows.tsv) lines"
fine audit img.npy txt.npy -o two
want_file two/report.html two/figures/cosines.svg two/figures/variance.svg
if "$python" -c 'import jsonschema' 2>/dev/null; then
  works "$python" "$here/report_schema.py" "$CONTRAGAP_SOURCE/src/report/report.schema.json" one.json text.json two.json \
    alone/report.json two/report.json
fi

finish
