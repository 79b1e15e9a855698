# Helpers of the shell tests: `. "$(dirname "$0")/lib.sh"` as the first line. The test then stands in a
# fresh directory of its own, removed at the end (KEEP=1 keeps it and says where).
#
#   run ARGS…              contragap ARGS…, output in the files out and err, exit code in $rc
#   runs COMMAND…          the same for any other command
#   want_rc N              the last run ended with N
#   fine ARGS…             run ARGS, which ends with 0
#   ends N ARGS…           run ARGS, which ends with N
#   works COMMAND…         runs COMMAND, which ends with 0
#   refused N WORDS ARGS…  run ARGS, which ends with N and says one line on stderr with all WORDS ('|' between them)
#   want_line FILE WORDS…  FILE holds one line alone, and all WORDS (fixed strings) stand in it
#   want_text FILE WORDS…  all WORDS stand in FILE
#   want_none PATTERN FILE no line of FILE matches
#   want_absent PATH…      none of the paths exists
#   want_file PATH…        all paths are there and not empty
#   want_same FILE NAME    FILE equals expected/NAME in the script's folder; REFRESH=1 rewrites it. A missing one fails.
#   rows_report FILE ARGS… FILE becomes the report of audit ARGS… less what names the file and its rows
#   same_rows_report ARGS… that report has the bits of want.json
#   draw_nothing           from here on a stand-in draws the pictures
#   skip REASON            ends the test, counted as skipped
#   finish                 last line: ends with 1 where anything failed
set -u
LC_ALL=C
unset COLUMNS
export LC_ALL
: "${CONTRAGAP:?CONTRAGAP must name the program}"
: "${CONTRAGAP_SOURCE:?CONTRAGAP_SOURCE must name the source tree}"
: "${CONTRAGAP_SHARED:=$CONTRAGAP_SOURCE/../shared}"
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/contragap-cli-XXXXXX") || exit 99
failures=0
checks=0
last=
rc=0

leave() {
  if [ "${KEEP:-}" = 1 ]; then
    echo "kept $work" >&2
  else
    cd / && chmod -R u+w "$work" 2>/dev/null
    rm -rf "$work"
  fi
}
trap leave EXIT
trap 'exit 130' INT TERM
cd "$work" || exit 99

complain() {
  failures=$((failures + 1))
  echo "FAILED after: $last" >&2
  printf '  %s\n' "$@" >&2
}

runs() {
  last="$*"
  rc=0
  "$@" >out 2>err </dev/null || rc=$?
}

run() {
  runs "$CONTRAGAP" "$@"
}

want_rc() {
  checks=$((checks + 1))
  [ "$rc" -eq "$1" ] || complain "exit code $rc, not $1" "stderr: $(head -c 2000 err)"
}

want_text() {
  checks=$((checks + 1))
  want_in=$1
  shift
  for word; do
    grep -qF -e "$word" "$want_in" || complain "no \"$word\" in $want_in:" "$(head -c 2000 "$want_in")"
  done
}

want_line() {
  checks=$((checks + 1))
  [ "$(wc -l <"$1")" -eq 1 ] || complain "$1 has $(wc -l <"$1") lines, not 1:" "$(head -c 2000 "$1")"
  want_text "$@"
}

fine() {
  run "$@"
  want_rc 0
}

ends() {
  ends_code=$1
  shift
  run "$@"
  want_rc "$ends_code"
}

works() {
  runs "$@"
  want_rc 0
}

refused() {
  refused_code=$1
  refused_words=$2
  shift 2
  run "$@"
  want_rc "$refused_code"
  set -f
  IFS='|'
  # shellcheck disable=SC2086
  set -- $refused_words
  unset IFS
  set +f
  want_line err "$@"
}

# From here on pictures are of nothing, by a stand-in for gnuplot: for tests that write many folders and look at none.
draw_nothing() {
  mkdir -p "$work/stand-in"
  cat >"$work/stand-in/gnuplot" <<'STUB'
#!/bin/sh
while read -r command _ _ file _; do
  [ "$command" != print ] || echo "drew $picture"
  [ "$command" = call ] || continue
  picture=${file#?} picture=${picture%?}
  case $picture in
  *.png) echo 'bKGD, by which a picture of gnuplot is known' ;;
  *) echo '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><desc>Produced by GNUPLOT</desc></svg>' ;;
  esac >"$picture"
done <"$2"
STUB
  chmod +x "$work/stand-in/gnuplot"
  PATH=$work/stand-in:$PATH
}

# want_none PATTERN FILE: no line of it matches
want_none() {
  checks=$((checks + 1))
  if grep -q "$1" "$2"; then
    complain "$2 has $1:" "$(head -c 1000 "$2")"
  fi
}

want_absent() {
  checks=$((checks + 1))
  for path; do
    if [ -e "$path" ] || [ -L "$path" ]; then
      complain "$path is there"
    fi
  done
}

want_file() {
  checks=$((checks + 1))
  for path; do
    [ -s "$path" ] || complain "$path is missing or empty"
  done
}

want_same() {
  checks=$((checks + 1))
  if [ "${REFRESH:-}" = 1 ]; then
    mkdir -p "$here/expected" && cp "$1" "$here/expected/$2"
  elif [ ! -f "$here/expected/$2" ]; then
    complain "expected/$2 is missing; look at the output and run once with REFRESH=1"
  elif ! diff -u "$here/expected/$2" "$1" >difference 2>&1; then
    complain "$1 differs from expected/$2:" "$(head -c 4000 difference)"
  fi
}

# the report of `contragap audit ARGS…` but for what names the file and its rows, in the file $1
rows_report() {
  to=$1
  shift
  fine audit "$@" --json --threads 1
  /usr/bin/python3 -c '
import json, sys
report = json.load(open("out"))
del report["input"], report["run"], report["advice"]["reason"], report["advice"]["command"]
for pair in report.get("pairs", {}).get("worst", []):
    pair.pop("image_name", None), pair.pop("text_name", None)
json.dump(report, open(sys.argv[1], "w"), sort_keys=True, indent=1)' "$to" || complain "no JSON from audit $*"
}

same_rows_report() {
  checks=$((checks + 1))
  rows_report this.json "$@"
  cmp -s this.json want.json || complain "another report from $*" "$(diff want.json this.json | head -5)"
}

skip() {
  echo "skipped: $*" >&2
  exit 77
}

finish() {
  if [ "$checks" -eq 0 ]; then
    complain "no check was made"
  fi
  echo "$checks checks, $failures failed" >&2
  [ "$failures" -eq 0 ]
  exit
}
