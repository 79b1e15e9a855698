#!/bin/sh
# Writes the template of all catalogues: pot.sh SOURCE_FOLDER OUT.pot
set -eu
cd "$1"
xgettext --from-code=UTF-8 --files-from=src/report/po/POTFILES --output="$2" --package-name=contragap --no-wrap --sort-by-file \
  -k -kN_ -kcgap_tr:2 -kcgap_phrase_of:2 -kcgap_modality_printf:4 -kcgap_modality_format:2 \
  -kcgap_page_put:3 -kcgap_page_text:2 -kcgap_page_table:2 \
  -kadd_sentence:2 -kadd_reason:2 -kadd_note:3 -ksay:2 -knote:3 2>&1 | grep -v 'Empty msgid\|gettext("")\|meta information' || true
