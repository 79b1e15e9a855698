# What `meson install` puts into a fresh prefix: a program that finds its plots from anywhere, man pages that render,
# completions that parse and complete, a library whose header, pkg-config file and symbols are as promised.
. "$(dirname "$0")/lib.sh"
: "${CONTRAGAP_BUILD:?CONTRAGAP_BUILD must name the build folder}"
command -v meson >/dev/null || skip "meson is not here"
OMP_NUM_THREADS=1
export OMP_NUM_THREADS

# the log that uninstalling goes by is that of a user's own installation, if any: it is put back at the end
log=$CONTRAGAP_BUILD/meson-logs/install-log.txt
[ ! -f "$log" ] || cp -p "$log" log-before
works meson install -C "$CONTRAGAP_BUILD" --no-rebuild --destdir "$work/root"
cp "$log" log-installed
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
    works groff -K utf8 -man -Tutf8 -ww -z "$file"
    checks=$((checks + 1))
    [ ! -s err ] || complain "groff warns of $page.1:" "$(head -c 1000 err)"
  fi
done
checks=$((checks + 1))
[ "$(echo "$pages" | wc -l)" -ge 8 ] || complain "fewer than 8 commands in --help"
if man --version >/dev/null 2>&1; then
  works env MANWIDTH=80 man -l "$prefix/share/man/man1/contragap-audit.1"
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
  works bash -n "$bash_file"
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
  works zsh -n "$zsh_file"
fi

# ---- the library
# uninstalled: nothing is left, not even an empty folder
uninstall() {
  checks=$((checks + 1))
  cp log-installed "$log"
  works ninja -C "$CONTRAGAP_BUILD" uninstall
  if [ -f log-before ]; then cp -p log-before "$log"; else rm -f "$log"; fi
  find root -mindepth 1 >left 2>/dev/null
  [ ! -s left ] || complain "uninstalling left:" "$(head -5 left)"
  finish
}
command -v cc >/dev/null || uninstall
sanitize=
if nm -D --undefined-only "$library/libcontragap.so" 2>/dev/null | grep -q __asan; then
  sanitize=-fsanitize=address,undefined
fi
# what the shared library shows is what the header declares, no more and no less
checks=$((checks + 1))
nm -D --defined-only "$library/libcontragap.so" | awk '{print $3}' | LC_ALL=C sort >symbols
tr -s ' \n' '  ' <"$prefix/include/contragap/contragap.h" | grep -o 'CGAP_API [^;]*;' | grep -v '^CGAP_API __' |
  sed 's/(.*//; s/.*[ *]//' | LC_ALL=C sort >declared
[ "$(wc -l <declared)" -ge 20 ] || complain "only $(wc -l <declared) functions found in the header"
diff declared symbols >difference || complain "header (<) and library (>) differ:" "$(head -10 difference)"

# no output, no exit, no state: the compiler's own few words aside (CPU model, the lock of a critical section), and
# those of calls under way (a count behind a lock, and whether memory or gnuplot ended)
if [ -z "$sanitize" ]; then
  checks=$((checks + 1))
  nm -D --undefined-only "$library/libcontragap.so" | awk '{print $2}' | sed 's/@.*//' |
    grep -xE 'stdout|stderr|_*v?printf(_chk)?|puts|putchar|perror|_?exit|abort|_Exit' >odd && complain "the library calls:" "$(cat odd)"
  size -A "$library/libcontragap.so" | awk '$1 == ".data" || $1 == ".bss" {sum += $2} END {print sum}' >state
  [ "$(cat state)" -le 288 ] || complain "$(cat state) bytes of global state:" "$(nm "$library/libcontragap.so" | grep -E ' [bB] ')"
fi

PKG_CONFIG_PATH=$library/pkgconfig
export PKG_CONFIG_PATH
configured=$(pkg-config --variable=prefix contragap)
flags=$(pkg-config --define-variable=prefix="$prefix" --cflags --libs contragap)
flags_static=$(pkg-config --define-variable=prefix="$prefix" --static --cflags --libs contragap | sed 's/-lcontragap//')
checks=$((checks + 1))
[ "${prefix%"$configured"}" != "$prefix" ] || complain "contragap.pc has the prefix $configured"
# the shared library needs no other .pc file; the static one gets its libraries from Libs.private
checks=$((checks + 1))
! grep -q '^Requires' "$PKG_CONFIG_PATH/contragap.pc" || complain "contragap.pc requires others: $(grep '^Requires' "$PKG_CONFIG_PATH/contragap.pc")"

# sample NAME WORDS…: built with each compiler as strict C11, shared and static, and run; WORDS stand in its output
sample() {
  name=$1
  shift
  for cc in cc clang; do
    command -v $cc >/dev/null || continue
    [ $cc = cc ] || [ -z "$sanitize" ] || continue # another compiler's sanitizer
    # shellcheck disable=SC2086  # flags are words
    works $cc -std=c11 -Wall -Wextra -Wpedantic -Werror $sanitize -o "$name-$cc" "$CONTRAGAP_SOURCE/samples/$name.c" $flags \
      -lm -Wl,-rpath,"$library"
  done
  # shellcheck disable=SC2086
  works cc -std=c11 -Wall -Wextra -Wpedantic -Werror $sanitize -o "$name-static" "$CONTRAGAP_SOURCE/samples/$name.c" \
    "$library/libcontragap.a" $flags_static
  for program in "./$name-cc" "./$name-static"; do
    works "$program"
    want_text out "$@"
  done
  checks=$((checks + 1))
  ! ldd "./$name-static" | grep -q libcontragap || complain "$name-static is linked to the shared library"
}
sample audit_matrix "corrected distance 0.800000" "R@1 image to text  1.000"
sample own_measure "energy distance 1.210104"
sample train_head "on 120 images that training never saw: 1."
# its head is one that the program takes
run_installed simulate -o sixteen.h5 --n 40 --d 16 --quiet
want_rc 0
run_installed apply ../head.h5 sixteen.h5 -o closed.h5 --quiet
want_rc 0
# a measure of your own, from a file
works ./own_measure-cc elsewhere/pairs.h5
want_text out "energy distance 0."

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
  const float rows[4][2] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};
  cgap_data square = cgap_data();
  square.image = square.text = cgap_source_view(rows, 4, 2, CGAP_FLOAT32, "square");
  square.pairing = CGAP_BY_ROW;
  cgap_tally tally = cgap_tally();
  tally.kinds = 1u << CGAP_IMAGE_IMAGE;
  tally.counts = 1;
  tally.tile = [](const void *, const cgap_tile *tile, double *, uint64_t *counts) {
    for (size_t r = 0; r < tile->rows; r++)
      for (size_t c = tile->first[r]; c < tile->columns; c++)
        counts[0] += tile->cosine[r * tile->columns + c] < -0.5f;
  };
  uint64_t opposite = 0;
  cgap_status added = cgap_tally_run(nullptr, &opposite, &square, &tally, &audit, &error);
  std::printf("%d opposite\n", static_cast<int>(opposite));
  return status == CGAP_USAGE && added == CGAP_OK && opposite == 2 ? 0 : 1;
}
EOF
  # shellcheck disable=SC2086
  works g++ -std=c++17 -Wall -Wextra -Werror -pedantic $sanitize -o sample++ sample.cc $flags -Wl,-rpath,"$library"
  works ./sample++
  want_text out "0.01 0.1 2 no file given"
fi

uninstall
