#!/bin/sh
# sh samples/demo.sh: installs what is missing, builds a release in build/, makes sample data, audits them,
# trains a head that closes their gap, and leaves everything in contragap-demo/.
set -eu
cd "$(dirname "$0")/.."
out='contragap-demo'

sh .ci/install packages-user
[ -f build/build.ninja ] || meson setup build </dev/null >&2
ninja -C build src/cli/contragap </dev/null >&2
contragap=build/src/cli/contragap

mkdir -p "$out"
"$contragap" simulate -o "$out/pairs.h5" --model clip --n 3000 --d 128 --classes 20 --seed 1
"$contragap" audit "$out/pairs.h5" -o "$out" >"$out/table.txt"
cat "$out/table.txt"
"$contragap" train "$out/pairs.h5" -o "$out/closed" --force >"$out/closed.txt"

echo
echo "Open these:"
for file in report.html table.txt report.json rows.tsv closed/report.html closed.txt closed/compare.json closed/head.h5; do
  [ ! -e "$out/$file" ] || echo "  $out/$file"
done
for figure in "$out"/figures/*.svg "$out"/closed/figures/*.svg; do
  [ ! -e "$figure" ] || echo "  $figure"
done
echo "Your own file: $contragap audit FILE.h5 -o DIR"
