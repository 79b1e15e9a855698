#!/bin/sh
# A gate for a model's embeddings in continuous integration: audits them and compares every measure with a report that
# was accepted before.
#
#   gate.sh ACCEPTED.json FILE… [OPTIONS of contragap audit]     tests; the report of this run is in gate/
#   gate.sh --accept ACCEPTED.json FILE…                         makes the embeddings' report the accepted one
#
# Ends with 0 where no measure is significantly worse (5 % false alarms for all together) and no threshold of the options
# is crossed, 1 where one is, 4 where that cannot be tested (other rows, no pairs …), 3 where a file is missing. Give it
# the same validation rows each time: the number of rows matters to ranks, and others are another sample.
set -eu
: "${CONTRAGAP:=contragap}"
if [ "$1" = --accept ]; then
  accepted=$2
  shift 2
  "$CONTRAGAP" audit "$@" --json --quiet >"$accepted.new"
  mv "$accepted.new" "$accepted"
  exit 0
fi
accepted=$1
shift
exec "$CONTRAGAP" audit "$@" --against "$accepted" -o gate --force --quiet
