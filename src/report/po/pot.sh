#!/bin/sh
# Writes what a catalogue translates, as contragap.pot, and every string of the sources, as strings.pot, into a folder:
#
#   pot.sh SOURCE_FOLDER OUT_FOLDER
#
# To be translated are words that functions below or N_ mark, and, so that tables of headings, captions and tiles need no
# marks, every string of the files in POTFILES that begins with a capital letter or the name of a modality.
set -eu
cd "$1"
x() { xgettext --from-code=UTF-8 --package-name=contragap --no-wrap --sort-by-file "$@" 2>&1 |
  grep -v 'Empty msgid\|gettext("")\|meta information' || true; }
x --files-from=src/report/po/POTFILES --output="$2/marked.pot" -k -kN_ -kcgap_tr:2 -kcgap_phrase_of:2 \
  -kcgap_modality_printf:4 -kcgap_modality_format:2 -kcgap_sentence_say:3 -kremark:3 -kwrite_head:3 -kcgap_page_put:3 -kcgap_page_text:2 -kcgap_page_table:2 \
  -kadd_sentence:2 -kadd_reason:2 -kadd_note:3 -ksay:2 -knote:3
x --files-from=src/report/po/POTFILES --output="$2/all.pot" --extract-all
msggrep --msgid -e '^#\{0,1\}[A-Z]' -e '^#\{0,1\}{[A-Za-z ]*}' "$2/all.pot" | msggrep --invert-match --msgid -e '^[A-Z_=]*$' -e '_' \
  --output-file="$2/headings.pot"
msgcat --use-first --no-wrap --output-file="$2/contragap.pot" "$2/marked.pot" "$2/headings.pot"
find src/[abchr]*/ src/io/find analysis -name '*.[ch]' | sort | x --files-from=- --output="$2/strings.pot" --extract-all
