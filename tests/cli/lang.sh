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
fine audit pairs.h5 --lang en
cp out again.txt
works cmp again.txt en.txt
refused 2 "--lang xx|en, ja" audit pairs.h5 --lang xx

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
works python3 "$here/shown_in.py" page changed/report.html

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
