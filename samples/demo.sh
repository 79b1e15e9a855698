#!/bin/sh
# sh samples/demo.sh: installs what is missing, builds a release in build/, makes sample data, audits them,
# and leaves everything in contragap-demo/.
set -eu
cd "$(dirname "$0")/.."
out='contragap-demo'

sh .ci/install
[ -f build/build.ninja ] || meson setup build </dev/null >&2
ninja -C build src/cli/contragap </dev/null >&2
contragap=build/src/cli/contragap

mkdir -p "$out"
"$contragap" simulate -o "$out/pairs.h5" --model clip --n 4000 --d 256 --classes 20 --seed 1
"$contragap" audit "$out/pairs.h5" -o "$out" >"$out/table.txt"
cat "$out/table.txt"

echo
echo "The same, to look at:"
for file in table.txt report.html report.json rows.tsv pairs.h5; do
  [ ! -e "$out/$file" ] || echo "  $out/$file"
done
for figure in "$out"/figures/*.svg; do
  [ ! -e "$figure" ] || echo "  $figure"
done
echo "Your own file: $contragap audit FILE.h5 -o DIR"
