#!/bin/sh
# --lang: sentences, headings and captions in another language without any locale; what programs read stays as it is.
. "$(dirname "$0")/lib.sh"

# like_english A.json B.json: but for the run, its seconds and the folders that commands name
like_english() {
  works python3 -c '
import json, sys
def less(x):
    if isinstance(x, dict):
        return {k: less(v) for k, v in x.items() if k not in ("run", "command") and not k.startswith("seconds")}
    return [less(v) for v in x] if isinstance(x, list) else x
a, b = [json.dumps(less(json.load(open(f)))) for f in sys.argv[1:]]
sys.exit(a != b)' "$1" "$2"
}

# whether there is a font for Japanese is asked of fontconfig; here the answer is one that the test gives
mkdir fonts
printf '#!/bin/sh\nexit 0\n' >fonts/fc-list
chmod +x fonts/fc-list
PATH=$PWD/fonts:$PATH
fine simulate --n 400 --d 32 -o pairs.h5
fine audit pairs.h5 -o en
cp out en.txt
fine audit pairs.h5 --lang ja -o ja
cp out ja.txt
want_text ja.txt "ギャップは「深刻」です" "推奨：平均を差し引く" "contragap apply --method center"
want_text ja/report.html '<html lang="ja">' "ギャップは「深刻」です" ">判定</a>" ">図</h2>"
want_text en/report.html '<html lang="en">'
like_english en/report.json ja/report.json
works cmp en/rows.tsv ja/rows.tsv
works python3 "$here/shown_in.py" width 80 ja.txt
works python3 "$here/shown_in.py" page ja/report.html

# a picture without a font would show boxes: it is in English then
if command -v gnuplot >/dev/null 2>&1; then
  want_text ja/figures/card.tsv "ギャップは「深刻」です"
  printf '#!/bin/sh\nexit 1\n' >fonts/fc-list
  fine audit pairs.h5 --lang ja -o fontless
  want_text err "card.png is in English" "fonts-noto-cjk"
  want_text fontless/figures/card.tsv "The gap is severe"
  want_text fontless/report.html "ギャップは「深刻」です"
  printf '#!/bin/sh\nexit 0\n' >fonts/fc-list
fi
fine audit pairs.h5 --lang en
cp out again.txt
works cmp again.txt en.txt
refused 2 "--lang xx|en, ja" audit pairs.h5 --lang xx

# plot draws tables that are written already
refused 2 "--lang" plot ja --lang ja

# names of the user's stay as they are
fine audit pairs.h5 --lang ja --names audio,caption
want_text out "audio 80 件とcaption 80 件"

fine train pairs.h5 -o closed.en --quiet
fine train pairs.h5 -o closed.ja --lang ja --quiet
want_text out "推奨："
for report in before after compare recommendation; do
  like_english closed.en/$report.json closed.ja/$report.json
done
works python3 "$here/shown_in.py" page closed.ja/report.html
fine compare closed.ja/before.json closed.ja/after.json --lang ja -o changed
want_text out "ギャップは縮まります"
cp out changed.txt
works python3 "$here/shown_in.py" page changed/report.html

# nothing is left in English but what has to be: the words of other results, with names of the user's
fine simulate --n 120 --d 16 --modalities 3 -o three.h5
fine simulate --n 120 --d 16 --model uniform -o even.h5
shown() {
  name=$1
  shift
  fine "$@" --lang ja -o "$name"
  cp out "$name.txt"
}
no_english() { works python3 "$here/english_left.py" "$@"; }
python3 -c 'print("\n".join(["cat", "dog"] * 200))' >groups.txt
shown by audit pairs.h5 --by-file groups.txt
shown three audit three.h5
shown one audit image=pairs.h5:/image
shown raced train pairs.h5 --race clip,cua --epochs 2 --quiet
shown uneven train even.h5 --quiet
shown swept sweep pairs.h5 --loss clip --temperature 0.01,0.1 --epochs 2 --quiet
shown compared compare pairs.h5 even.h5 three=ja swept=en again=en
fine audit pairs.h5 --lang ja --all
cp out all.txt
no_english ja.txt all.txt changed.txt by.txt three.txt one.txt raced.txt uneven.txt swept.txt compared.txt \
  ja/report.html changed/report.html by/report.html three/report.html one/report.html closed.ja/report.html \
  raced/report.html uneven/report.html swept/report.html compared/report.html -- image text audio cat dog even three \
  swept again pairs changed ja en
fine audit pairs.h5
cp out english.txt
seen() { ! python3 "$here/english_left.py" english.txt; }
works seen

if command -v xgettext >/dev/null && command -v msgfmt >/dev/null; then
  mkdir pot
  works sh "$CONTRAGAP_SOURCE/src/report/po/pot.sh" "$CONTRAGAP_SOURCE" "$work/pot"
  for catalogue in "$CONTRAGAP_SOURCE"/src/report/po/*.po; do
    works msgfmt --check-format -o catalogue.mo "$catalogue"
    works python3 "$here/catalogue.py" pot "$catalogue" "$CONTRAGAP_SOURCE/src/report/po"
    cat out
    # one that loses an argument is noticed
    sed 's/平均を差し引くと（/%s/' "$catalogue" >damaged.po
    ends_with_error() { ! python3 "$here/catalogue.py" pot damaged.po "$CONTRAGAP_SOURCE/src/report/po"; }
    works ends_with_error
  done
else
  echo "no gettext: the catalogues are not checked"
fi
finish
