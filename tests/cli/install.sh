# What `meson install` puts into a fresh prefix: a program that finds its plots from anywhere, man pages that render,
# completions that parse and complete, a library whose header, pkg-config file and symbols are as promised.
. "$(dirname "$0")/lib.sh"
: "${CONTRAGAP_BUILD:?CONTRAGAP_BUILD must name the build folder}"
command -v meson >/dev/null || skip "meson is not here"
OMP_NUM_THREADS=1
export OMP_NUM_THREADS

runs meson install -C "$CONTRAGAP_BUILD" --no-rebuild --destdir "$work/root"
want_rc 0
binary=$(find root -type f -name contragap -path '*/bin/*')
want_file "$binary"
prefix=$work/${binary%/bin/contragap}
library=$(dirname "$(find "$prefix" -name 'libcontragap.so.0')")
want_file "$prefix/include/contragap/contragap.h" "$library/libcontragap.a" "$library/libcontragap.so" \
  "$library/pkgconfig/contragap.pc" "$prefix/share/contragap/plots/style.gp" "$prefix/share/contragap/plots/README.md"

# no build folder and no source folder in what is installed, but for debugging information
checks=$((checks + 1))
! grep -qF "$CONTRAGAP_SOURCE" "$library/pkgconfig/contragap.pc" || complain "contragap.pc names the source folder"

# ---- the program, from another folder
mkdir elsewhere
run_installed() {
  last="installed contragap $*"
  rc=0
  (cd elsewhere && "$prefix/bin/contragap" "$@") >out 2>err </dev/null || rc=$?
}
run_installed --version
want_rc 0
run_installed simulate -o pairs.h5 --n 60 --d 8 --quiet
want_rc 0
run_installed audit pairs.h5 -o report --threads 1
want_rc 0
want_file elsewhere/report/report.json elsewhere/report/figures/scatter.gp elsewhere/report/figures/style.gp
if command -v gnuplot >/dev/null; then
  want_file elsewhere/report/figures/scatter.svg
fi

# ---- man pages: one a command, as --help lists them
run_installed --help
want_rc 0
pages=$(sed -n '/^usage/,/^example/s/^  \([a-z][a-z]*\) .*/contragap-\1/p' out)
for page in contragap $pages; do
  file=$prefix/share/man/man1/$page.1
  want_file "$file"
  if command -v groff >/dev/null; then
    runs groff -K utf8 -man -Tutf8 -ww -z "$file"
    want_rc 0
    checks=$((checks + 1))
    [ ! -s err ] || complain "groff warns of $page.1:" "$(head -c 1000 err)"
  fi
done
checks=$((checks + 1))
[ "$(echo "$pages" | wc -l)" -ge 8 ] || complain "fewer than 8 commands in --help"
if man --version >/dev/null 2>&1; then
  runs env MANWIDTH=80 man -l "$prefix/share/man/man1/contragap-audit.1"
  want_rc 0
  want_text out "contragap audit FILE" "EXAMPLE" "--fail-if" "EXIT STATUS" "contragap(1)"
fi
# every option that --help shows stands in the page
run_installed audit --help
for option in $(grep -o -e '--[a-z][a-z-]*' out | sort -u); do
  want_text "$prefix/share/man/man1/contragap-audit.1" "\\-\\-$(echo "${option#--}" | sed 's/-/\\-/g')"
done

# ---- completions
bash_file=$prefix/share/bash-completion/completions/contragap
zsh_file=$prefix/share/zsh/site-functions/_contragap
want_file "$bash_file" "$zsh_file"
if command -v bash >/dev/null; then
  runs bash -n "$bash_file"
  want_rc 0
  touch elsewhere/embeddings.npy
  # complete WORDS…: what is offered for the last word
  cat >complete.bash <<'EOF'
. "$1"
shift
COMP_WORDS=(contragap "$@") COMP_CWORD=$#
_contragap
printf '%s\n' "${COMPREPLY[@]}"
EOF
  completes() {
    last="completion of $*"
    (cd elsewhere && bash ../complete.bash "$bash_file" "$@") >out 2>err || complain "bash: $(cat err)"
  }
  completes au
  want_line out "audit"
  completes help con
  want_line out "convert"
  completes audit --mark
  want_line out "--markdown"
  completes audit --progress ne
  want_line out "never"
  completes audit emb
  want_line out "embeddings.npy"
  completes audit --image emb
  want_line out "embeddings.npy"
fi
if command -v zsh >/dev/null; then
  runs zsh -n "$zsh_file"
  want_rc 0
fi

# ---- the library
command -v cc >/dev/null || finish
sanitize=
if nm -D --undefined-only "$library/libcontragap.so" 2>/dev/null | grep -q __asan; then
  sanitize=-fsanitize=address,undefined
fi
checks=$((checks + 1))
nm -D --defined-only "$library/libcontragap.so" | awk '{print $3}' >symbols
grep -q '^cgap_audit_run$' symbols || complain "cgap_audit_run is hidden"
! grep -v '^cgap_' symbols >odd || complain "the library shows more than cgap_:" "$(head -5 odd)"

PKG_CONFIG_PATH=$library/pkgconfig
export PKG_CONFIG_PATH
configured=$(pkg-config --variable=prefix contragap)
flags=$(pkg-config --define-variable=prefix="$prefix" --cflags --libs contragap)
checks=$((checks + 1))
[ "${prefix%"$configured"}" != "$prefix" ] || complain "contragap.pc has the prefix $configured"
# shellcheck disable=SC2086  # flags are words
runs cc -std=c11 -Wall -Wextra -Werror -pedantic $sanitize -o sample "$CONTRAGAP_SOURCE/samples/audit_matrix.c" $flags -lm \
  -Wl,-rpath,"$library"
want_rc 0
runs ./sample
want_rc 0
want_text out "centroid distance 0.800000"
# the shared library needs nobody else's .pc file; the static one gets its libraries from Libs.private
checks=$((checks + 1))
! grep -q '^Requires' "$PKG_CONFIG_PATH/contragap.pc" || complain "contragap.pc requires others: $(grep '^Requires' "$PKG_CONFIG_PATH/contragap.pc")"
flags_static=$(pkg-config --define-variable=prefix="$prefix" --static --cflags --libs contragap | sed 's/-lcontragap//')
# shellcheck disable=SC2086
runs cc -std=c11 $sanitize -o sample-static "$CONTRAGAP_SOURCE/samples/audit_matrix.c" "$library/libcontragap.a" $flags_static
want_rc 0
runs ./sample-static
want_rc 0
want_text out "centroid distance 0.800000"
if command -v g++ >/dev/null; then
  cat >sample.cc <<'EOF'
#include <contragap/contragap.h>
#include <cstdio>
int main()
{
  cgap_audit_options audit = CGAP_AUDIT_OPTIONS_INIT;
  cgap_train_options train = CGAP_TRAIN_OPTIONS_INIT;
  cgap_input_options input = CGAP_INPUT_OPTIONS_INIT;
  cgap_error error = cgap_error();
  cgap_dataset *data = nullptr;
  cgap_status status = cgap_dataset_open(&data, &input, &error);
  std::printf("%g %g %d %s\n", audit.temperature, train.decay, status, error.message);
  cgap_dataset_close(data);
  return status == CGAP_USAGE ? 0 : 1;
}
EOF
  # shellcheck disable=SC2086
  runs g++ -std=c++17 -Wall -Wextra -Werror -pedantic $sanitize -o sample++ sample.cc $flags -Wl,-rpath,"$library"
  want_rc 0
  runs ./sample++
  want_rc 0
  want_text out "0.01 0.1 2 no file given"
fi

finish
