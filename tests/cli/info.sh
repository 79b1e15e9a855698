# contragap info: what is there, what was taken and why; what is refused is listed all the same.
. "$(dirname "$0")/lib.sh"
: "${MAKE_FILES:?MAKE_FILES must name the program that makes the files}"

"$MAKE_FILES" "$work" || exit 99
HDF5_PLUGIN_PATH=$work
export HDF5_PLUGIN_PATH

fine info pairs.h5
want_same out info_pairs.txt

fine info captions.h5
want_text out "40 × 3 × 8" "120 rows of 8" "3 texts per image, from the shape (N, k, d) of captions.h5:/text"

# only the pairing test can tell, and info does not run it
fine info open.h5
want_text out "open: 3 texts per image by count" "pairing test"

refused 3 "labels.h5: no dataset /nothing" info labels.h5 --labels /nothing
want_text out "/class_text" "4 × 8"

# files and datasets named together
fine info pairs.h5:/image captions.h5:/text
want_text out "pairs.h5:/image, 40 rows of 8" "captions.h5:/text, 120 rows of 8"
fine info --image pairs.h5:/text --text pairs.h5:/image
want_text out "image       pairs.h5:/text" "given explicitly"

# shards
refused 4 "captions.h5:/text: float32 of shape (40, 3, 8)" info pairs.h5 captions.h5
cp open.h5 more.h5
fine info open.h5 more.h5
want_text out "open.h5:/image (and 1 more), 80 rows of 8" "240 rows of 8" "open: 3 texts per image"

# refusals: the listing on stdout, one line on stderr
ends 3 info nothing.h5
want_text out "/alpha" "/beta" "image       none"
want_line err "nothing.h5: no dataset can be the image"
ends 3 info tie.h5
want_text out "/image_other" "/visual"
ends 3 info filter.h5
want_text out "chunked" "bzip2" "hdf5-filter-plugin"
ends 4 info beyond.h5
want_text out "/text_image" "int64"
refused 3 "none.h5: no such file" info none.h5
checks=$((checks + 1))
[ ! -s out ] || complain "stdout is not empty"

# bad rows are the audit's business: info reads no embeddings
fine info nan.h5

# JSON alone on stdout
fine info pairs.h5 --json
want_same out info_pairs.json
ends 3 info nothing.h5 --json
want_text out '"refused": "nothing.h5: no dataset can be the image' '"path": "/alpha"' '"image": null'
want_line err "nothing.h5: no dataset can be the image"

# of a name, what is not seen and changes how the rest is shown reaches neither terminal nor page, and JSON escapes it;
# what is no UTF-8 keeps no report from being written: ESC, a byte alone, C1, line separator, override, isolate, no width
hostile=$(printf 'x\033\377\302\205\342\200\250\342\200\256\342\201\246\342\200\213é.h5')
cp pairs.h5 "$hostile"
hidden() { LC_ALL=C grep -lE "$(printf '\033|\377|\302\205|\342\200[\250\256\213]|\342\201\246')" "$@"; }
never_hidden() {
  checks=$((checks + 1))
  [ -z "$(hidden "$@")" ] || complain "characters that are not seen in" "$(hidden "$@")"
}
shows() {
  fine "$@"
  never_hidden out err
}
shows info "$hostile"
want_text out "x???????é.h5"
shows info "$hostile" --json
want_text out 'x\u001B\ufffd\u0085\u2028\u202e\u2066\u200bé.h5'
shows audit "$hostile"
want_text out "é.h5: 40 images"
shows audit "$hostile" --markdown
shows audit "$hostile" --json
shows compare "$hostile" pairs.h5
shows audit "$hostile" -o hostile --quiet
never_hidden -r --exclude='*.png' hostile
printf '# title\tx\342\200\256y\n' >>hostile/figures/scatter.tsv # a report of someone else
shows compare hostile hostile -o compared --quiet
never_hidden -r --exclude='*.png' compared
refused 3 "no.x???????é.h5: no such file" info "no.$hostile"
never_hidden out err

# as a table
fine info pairs.h5 --markdown
want_text out "| dataset | shape | type | storage | taken as |" "pairs.h5:/image"

# help
fine info --help
want_text out "usage: contragap info FILE" "contragap info pairs.h5"

finish
