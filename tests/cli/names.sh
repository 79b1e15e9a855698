#!/bin/sh
# What the modalities are called: names from the command line, from the words in the files' names and from what files
# record reach every word that a person sees, and nothing else.
. "$(dirname "$0")/lib.sh"

# Words of a page, a picture or a table that still speak of images or texts. Class texts are a thing of their own; keys,
# options and paths are no words.
cat >left.py <<'END'
import re, sys
left = 0
for path in sys.argv[1:]:
    text = open(path, encoding="utf-8").read()
    if path.endswith(".html"):
        text = re.sub(r"<(style|script|code|pre)\b.*?</\1>", "", text, flags=re.S)
        labels = re.findall(r'(?:aria-label|title)="([^"]*)"', text)
        text = "\n".join([re.sub(r"<[^>]*>", "\n", text), *labels])
    elif path.endswith(".svg"):
        text = re.sub(r"<script.*?</script>", "", text, flags=re.S)
        text = "\n".join(re.findall(r">([^<>]+)<", text))
    text = re.sub(r"[Cc]lass texts?", "", text)
    for line in text.split("\n"):
        if re.search(r"(?<![-/_.\w])(images?|texts?)(?![-/_.\w])", line, re.I) and not line.startswith("# "):
            print(f"{path}: {line.strip()}")
            left += 1
sys.exit(left > 0)
END

fine simulate --model clip --n 300 --captions 2 -o pairs.h5
for form in "" --markdown --latex; do
  # shellcheck disable=SC2086
  fine audit pairs.h5 --names zebra,quark_x --all $form
  cat err >>out
  cp out "audit$form.txt"
done
want_text audit.txt "300 zebra rows, 600 quark_x rows" "2 quark_x rows a zebra row" "by zebra and in" "zebra to quark_x" \
  "zebra-quark_x, non-matching" "tells zebra rows from quark_x rows" "Zebra rows fill only" \
  "--names zebra,quark_x"
want_text audit--latex.txt 'zebra to quark\_x'
want_text audit--markdown.txt 'zebra to quark\_x'
fine audit pairs.h5 --names zebra,quark_x -o report
want_text report/rows.tsv "rank_quark_x_to_zebra"
want_text report/report.json '"modalities"' '"zebra"' '"image_to_text"'
want_text report/figures/recall.tsv "zebra_to_quark_x"
works python3 left.py audit*.txt report/report.html report/rows.tsv report/figures/*.svg report/figures/*.tsv
want_text report/figures/dimensions.svg "mean of the zebra rows − mean of the quark_x rows" # no subscript
# the numbers are the same, and where the names are those by default so is every word
fine audit pairs.h5 --csv
cut -d, -f1-7 out >plain.csv
fine audit pairs.h5 --names zebra,quark_x --csv
cut -d, -f1-7 out >named.csv
works cmp plain.csv named.csv
fine audit pairs.h5
cp out plain.txt
fine audit pairs.h5 --names image,text
sed 's/ --names image,text//' out >named.txt
works cmp plain.txt named.txt

# a head and the files of apply record the names, which later commands use
fine train pairs.h5 --names zebra,quark_x -o closed --head residual --loss cua --epochs 2
cat out err >train.txt
want_text err "zebra rows and" "test 60 zebra rows"
works python3 left.py train.txt closed/report.html closed/changes.tsv closed/figures/*.svg
fine apply closed pairs.h5 -o applied.h5
cat out err >apply.txt
want_text out "300 zebra rows and 600 quark_x rows"
# named arguments in another order go through the layers of their names
works /usr/bin/python3 -c 'import h5py, numpy as np
f = h5py.File("pairs.h5")
np.save("x.npy", f["image"][:])
np.save("y.npy", f["text"][:, 0])'
fine apply closed zebra=x.npy quark_x=y.npy -o in-order.h5
fine apply closed quark_x=y.npy zebra=x.npy -o turned.h5
works /usr/bin/python3 -c 'import h5py
a, b = h5py.File("in-order.h5"), h5py.File("turned.h5")
assert all((a[k][:] == b[k][:]).all() for k in ("image", "text"))'
refused 2 "the head was trained on zebra and quark_x" apply closed quark_x=y.npy text=x.npy -o no.h5
fine info applied.h5
want_text out "zebra       applied.h5:/image" "2 quark_x rows per zebra row" "results on those zebra rows"
fine compare pairs.h5 applied.h5 --all
cat out err >compare.txt
want_text out "zebra query" "Z→Q" "paired by zebra row"
fine audit applied.h5
cp out applied.txt
fine compare report report
cp out reports.txt
works python3 left.py apply.txt compare.txt applied.txt reports.txt

# files that say what they are, arguments that name them, and a refusal
fine convert pairs.h5 --format npy -o arrays
mv arrays/image.npy audio_emb.npy
mv arrays/text.npy caption_emb.npy
fine info audio_emb.npy caption_emb.npy
want_text out "audio       audio_emb.npy" "text        caption_emb.npy" "2 texts per audio row"
fine audit audio_emb.npy caption_emb.npy --all
want_text out "300 audio rows, 600 texts" "an audio row finds" "a text finds"
fine audit protein=audio_emb.npy B32=caption_emb.npy --all
tr '\n' ' ' <out | tr -s ' ' >flat
want_text flat "300 proteins, 600 B32 rows" "a protein finds" "a B32 row finds" "CLIP, protein to B32"
refused 3 "pairs of proteins and B32 rows|no pairing" train protein=audio_emb.npy B32=caption_emb.npy --unpaired -o never
fine simulate --model offset --n 40 -o few.h5
fine convert few.h5 --format npy -o few
mv few/image.npy video_emb.npy
mv few/text.npy music_emb.npy
fine audit video_emb.npy music_emb.npy
want_text out "40 videos, 40 music rows" "video to music"
finish
