#!/bin/sh
# The page in a real browser: installs Debian's chromium and nodejs where they are missing (users need neither), makes
# reports of simulated data and of awkward cases, and checks each with check.mjs.
#
#   sh tests/browser/run.sh [SCREENSHOT_FOLDER]      CONTRAGAP names the program, else build/src/cli/contragap
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
contragap=${CONTRAGAP:-$root/build/src/cli/contragap}
work=$(mktemp -d "${TMPDIR:-/tmp}/contragap-browser-XXXXXX")
trap 'rm -rf "$work"' EXIT
shots=${1:-$work/shots}

[ -x "$contragap" ] || { echo "no program at $contragap; build it, or set CONTRAGAP" >&2; exit 2; }
missing=
command -v chromium >/dev/null || missing="$missing chromium fonts-dejavu-core"
command -v node >/dev/null || missing="$missing nodejs"
command -v gnuplot >/dev/null || missing="$missing gnuplot-nox"
if [ -n "$missing" ]; then
  as=
  [ "$(id -u)" -eq 0 ] || as=sudo
  # shellcheck disable=SC2086
  $as apt-get update -q && $as apt-get install -q -y --no-install-recommends $missing
fi

failed=0
# NAME FIGURES ARGUMENTS…: simulates, audits, checks
look() {
  name=$1 figures=$2
  shift 2
  "$contragap" audit "$@" -o "$work/$name" --quiet >/dev/null
  FIGURES=$figures node "$here/check.mjs" "$work/$name/report.html" "$shots/$name" || failed=1
}
# NAME FIGURES ARGUMENTS…: trains, checks
train() {
  name=$1 figures=$2
  shift 2
  "$contragap" train "$@" --epochs 5 -o "$work/$name" --quiet >/dev/null
  page "$name" "$figures"
}
# NAME FIGURES: checks a page that opens with what was gained
page() {
  PAGE=result FIGURES=$2 node "$here/check.mjs" "$work/$1/report.html" "$shots/$1" || failed=1
}
cd "$work"
"$contragap" simulate -o clip.h5 --model clip --n 400 --d 64 --classes 5 --quiet
"$contragap" simulate -o five.h5 --model uniform --n 5 --d 8 --quiet
"$contragap" simulate -o 'a "q" <script>alert(1)<b>&amp;_é'"'"'.h5' --model clip --n 60 --d 32 --captions 3 --quiet
"$contragap" simulate -o large.h5 --model clip --n 6000 --d 32 --quiet
look clip 6 clip.h5
look five 6 five.h5
look awkward 6 'a "q" <script>alert(1)<b>&amp;_é'"'"'.h5'
look large 6 large.h5
look unpaired 4 clip.h5 --unpaired
"$contragap" convert clip.h5 --format npy -o parts --quiet
look classes 4 --image parts/image.npy --class-text parts/class_text.npy --labels parts/labels.npy
train trained 5 clip.h5
train race 5 clip.h5 --race clip,cua --start center
train same 5 clip.h5 --same-modality image
"$contragap" apply --method center clip.h5 -o centred.h5 --quiet
"$contragap" compare clip.h5 centred.h5 -o compared --quiet >/dev/null
page compared 4
"$contragap" compare clip/report.json unpaired/report.json large/report.json -o reports --quiet >/dev/null
page reports 12
"$contragap" sweep clip.h5 --dim 8,32 --loss clip,cua --seeds 1,2 --epochs 3 -o swept --quiet >/dev/null
page swept 3
exit $failed
