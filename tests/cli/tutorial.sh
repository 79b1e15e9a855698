# samples/tutorial.md: its commands are run as they are, one folder for all; every line that it shows is printed, with
# other digits perhaps. README.md shows some of the same commands.
. "$(dirname "$0")/lib.sh"

page=$CONTRAGAP_SOURCE/samples/tutorial.md
mkdir bin
ln -s "$CONTRAGAP" bin/contragap
PATH=$work/bin:$PATH
export PATH

awk '/^```sh$/ { inside = 1; next } /^```/ { inside = 0 } inside' "$page" >commands
want_file commands
works sh -eu commands
cp out said
cat err >>said
want_file report/report.json closed/head.h5 compared/report.html race/report.html sweep/sweep.csv gap.json \
  logged/history.csv closed/figures/scatter_before_after.png
works /usr/bin/python3 "$here/shown_lines.py" "$page" said
works /usr/bin/python3 "$here/shown_lines.py" "$CONTRAGAP_SOURCE/README.md" said
runs sh -c 'sed -n "s/^[$] //p" "$0" >shown && grep -c . shown && ! grep -vxFf commands shown' "$CONTRAGAP_SOURCE/README.md"
want_rc 0
# the pages lead to each other
works /usr/bin/python3 "$here/dead_links.py" "$CONTRAGAP_SOURCE"
finish
