#!/bin/sh
# The pages in a real browser: makes a page of every kind, of simulated data and of awkward cases, and checks each with
# check.mjs at 390, 768 and 1400 pixels, light, dark and printed. Ends with 77 (skipped) without chromium, node or
# gnuplot.
#
#   sh tests/browser/run.sh [SCREENSHOT_FOLDER]      CONTRAGAP names the program, else build/src/cli/contragap
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
contragap=${CONTRAGAP:-$root/build/src/cli/contragap}
case ${1-} in "" | /*) shots=${1-} ;; *) shots=$PWD/$1 ;; esac
work=$(mktemp -d "${TMPDIR:-/tmp}/contragap-browser-XXXXXX")
trap 'rm -rf "$work"' EXIT

[ -x "$contragap" ] || { echo "no program at $contragap; build it, or set CONTRAGAP" >&2; exit 2; }
for tool in chromium node gnuplot; do
  command -v "$tool" >/dev/null || { echo "skipped: no $tool" >&2; exit 77; }
done

cd "$work"
# NAME KIND FIGURES COMMAND…: makes the page and puts it on the list (see check.mjs)
page() {
  name=$1 kind=$2 figures=$3
  shift 3
  "$contragap" "$@" -o "$name" --quiet >/dev/null 2>"$name.err" || { cat "$name.err" >&2; exit 1; }
  echo "$name $kind $figures $work/$name/report.html" >>pages
}
"$contragap" simulate -o clip.h5 --model clip --n 400 --d 64 --classes 5 --quiet
"$contragap" simulate -o five.h5 --model uniform --n 5 --d 8 --quiet
odd='a "q" <script>alert(1)<b>&amp;_é'"'"'.h5'
"$contragap" simulate -o "$odd" --model clip --n 60 --d 32 --captions 3 --quiet
"$contragap" simulate -o large.h5 --model clip --n 3000 --d 32 --quiet
"$contragap" convert clip.h5 --format npy -o parts --quiet
"$contragap" convert five.h5 --format npy -o few --quiet
"$contragap" apply --method center clip.h5 -o centred.h5 --quiet >/dev/null
"$contragap" convert centred.h5 --format npy -o centred --quiet
"$contragap" simulate -o narrow.h5 --model clip --n 400 --d 32 --quiet
"$contragap" convert narrow.h5 --format npy -o narrow --quiet

page clip audit 6 audit clip.h5
page five alarm 6 audit five.h5
page awkward audit 6 audit "$odd"
page large alarm 6 audit large.h5
page unpaired audit 4 audit clip.h5 --unpaired
page classes audit 4 audit --image parts/image.npy --class-text parts/class_text.npy --labels parts/labels.npy
page alone alone 2 audit parts/image.npy
page widths alone 2 audit --image parts/image.npy --text narrow/text.npy
page groups audit 7 audit clip.h5 --by labels
page three many 2 audit image=parts/image.npy text=parts/text.npy audio=centred/text.npy
page trained result 7 train clip.h5 --epochs 5
page race result 7 train clip.h5 --race clip,cua --start center --epochs 5
page compared result 4 compare clip.h5 centred.h5
page reports result 1 compare clip/report.json unpaired/report.json large/report.json five/report.json awkward/report.json
page swept result 3 sweep clip.h5 --dim 8,32 --loss clip,cua --seeds 1,2 --epochs 3
# shellcheck disable=SC2086
node "$here/check.mjs" pages ${shots:+"$shots"}
