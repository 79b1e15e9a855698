# The surroundings of a run: signals at any instant, limits of the address space, long names, gnuplot's environment.
. "$(dirname "$0")/lib.sh"

fine simulate --model clip --n 200 --d 16 --seed 3 -o pairs.h5 --quiet

# ---- a signal that comes in the first milliseconds ends the run: none is lost
works /usr/bin/python3 "$here/early_signals.py" "$CONTRAGAP" 60 pairs.h5
want_line out "0 of 60 lost"
runs sh -c 'find . -name "*.tmp*" | grep .'
want_rc 1
# under nohup a terminal that closes is not heard
"$CONTRAGAP" simulate --model uniform --n 3000000 --d 64 -o large.h5 >out 2>err </dev/null &
child=$!
sleep 0.3
kill -HUP "$child"
rc=0
wait "$child" || rc=$?
want_rc 130
want_absent large.h5
nohup "$CONTRAGAP" train pairs.h5 -o deaf --epochs 2000 --patience 0 --quiet >out 2>err </dev/null &
child=$!
sleep 0.2
kill -HUP "$child"
rc=0
wait "$child" || rc=$?
want_rc 0
want_file deaf/head.h5

# ---- what a library does where the address space is limited is no crossed threshold, and no run without end
case $CONTRAGAP_BUILD in
*san*) ;; # a sanitizer takes terabytes of it
*)
  # under SETTING LIMIT WORDS (env's setting): an audit in that address space, to be finished or refused
  under() {
    # shellcheck disable=SC2016,SC2086 # the inner shell's; no word where it is empty
    runs timeout -s KILL 60 env "$1" sh -c 'ulimit -v "$1"; shift; exec "$0" audit pairs.h5 "$@"' "$CONTRAGAP" "$2" \
      --fail-if 'gap.centroid_distance>9' $3
    checks=$((checks + 1))
    [ "$rc" -eq 0 ] || [ "$rc" -eq 5 ] || complain "exit code $rc under $1, $2 KB: $(head -c 500 err)"
    [ "$rc" -eq 0 ] || want_line err "address space" "ulimit -v"
  }
  advised=0
  for limit in 150000 250000 300000 350000 400000 450000 500000 600000 650000 750000 900000; do
    # OpenBLAS with OpenMP does not read its own variable, and counts processors that the process may not use
    for setting in -uOMP_NUM_THREADS OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1; do
      for threads in "" "--threads 1"; do
        under $setting $limit "$threads"
        # what a refusal advises works in that address space
        case $(cat err) in
        *"set OMP_NUM_THREADS=1 and give --threads 1"*) setting_then=OMP_NUM_THREADS=1 ;;
        *"give --threads 1"*) setting_then=$setting ;;
        *) continue ;;
        esac
        advised=$((advised + 1))
        under $setting_then $limit "--threads 1"
        want_rc 0
      done
    done
  done
  checks=$((checks + 1))
  [ "$advised" -gt 0 ] || [ "$(getconf _NPROCESSORS_CONF)" -eq 1 ] || complain "no refusal advised anything"
  if command -v taskset >/dev/null; then
    # shellcheck disable=SC2016
    runs timeout -s KILL 60 env -u OMP_NUM_THREADS taskset -c "$(taskset -cp $$ | sed 's/.*: \([0-9]*\).*/\1/')" \
      sh -c 'ulimit -v 300000; exec "$0" audit pairs.h5 --threads 1' "$CONTRAGAP"
    want_rc 5
    want_line err "address space" "ulimit -v"
  fi
  runs sh -c 'ulimit -v 4000000; exec "$0" audit pairs.h5 --quiet' "$CONTRAGAP"
  want_rc 0
  # where libgomp ends the program all the same: stacks of 16 GB
  runs sh -c 'ulimit -v 4000000; OMP_STACKSIZE=16G exec "$0" audit pairs.h5 --threads 2' "$CONTRAGAP"
  want_rc 5
  want_text err "a library ended the program" "--threads 1"
  ;;
esac

# ---- names as long as a file system takes them, also in letters of two bytes
name() {
  LC_ALL=C.UTF-8 printf "%s%0$(($2 - 4))d.h5" "$1" 7
}
for bytes in 247 252 255; do
  for command in "simulate --n 60 --d 8" "convert pairs.h5" "apply --method center pairs.h5"; do
    out=$(name "$(printf '%.1s' "$command")" "$bytes")
    # shellcheck disable=SC2086
    fine $command -o "$out" --quiet
    want_file "$out"
  done
done
# shellcheck disable=SC2046
accents=$(printf 'é%.0s' $(seq 127))
fine audit pairs.h5 -o "$accents" --quiet
want_file "$accents/report.json" "$accents/rows.tsv" "$accents/report.html" "$accents/figures/scatter.tsv"
fine train pairs.h5 -o "x$accents" --epochs 1 --quiet
want_file "x$accents/head.h5" "x$accents/history.jsonl" "x$accents/checkpoint.bin"
fine sweep pairs.h5 -o "y$accents" --loss cua --seeds 1 --epochs 1 --quiet
want_file "y$accents/sweep.json"
fine convert pairs.h5 --format npy -o "z$accents" --quiet
want_file "z$accents/image.npy"
runs sh -c 'find . -name "*.tmp*" | grep .'
want_rc 1

# ---- gnuplot draws as it does in an empty environment
if command -v gnuplot >/dev/null 2>&1; then
  mkdir home
  printf 'set terminal dumb\nset output "/nowhere/x"\nexit status 3\n' | tee home/.gnuplot >home/gnuplotrc
  works env GNUTERM=qt GNUPLOT_LIB=/nowhere GNUPLOT_DEFAULT_GDFONT=none GDFONTPATH=/nowhere GNUPLOT_FONTPATH=/nowhere \
    GNUPLOT_PS_DIR=/nowhere HOME="$PWD/home" XDG_CONFIG_HOME="$PWD/home" "$CONTRAGAP" audit pairs.h5 -o drawn --quiet
  checks=$((checks + 1))
  [ ! -s err ] || complain "$(cat err)"
  works cmp drawn/figures/scatter.svg "$accents/figures/scatter.svg"
  for figure in scatter cosines variance dimensions recall plane; do
    want_file drawn/figures/$figure.svg
  done
  # a signal to the program alone ends the gnuplot that it started: no picture comes afterwards under a temporary name
  for tenths in 0 1 2; do
    rm -rf ended
    "$CONTRAGAP" audit pairs.h5 -o ended --quiet >out 2>err </dev/null &
    child=$!
    until [ -f ended/.contragap-new/rows.tsv ] || ! kill -0 $child 2>/dev/null; do sleep 0.01; done
    sleep 0.$tenths
    kill -TERM $child
    rc=0
    wait $child || rc=$?
    if [ $tenths -eq 0 ] || [ $rc -ne 0 ]; then # later it may have ended by itself
      want_rc 130
      want_line err "interrupted"
    fi
    sleep 0.5
    runs sh -c 'find ended -name "*.tmp*" | grep .'
    want_rc 1
  done
  long=$(printf 'figure%0245d' 7)
  cp drawn/figures/plane.tsv "drawn/figures/$long.tsv"
  cp drawn/figures/plane.gp "drawn/figures/$long.gp"
  fine plot drawn --only "$long" --quiet
  works cmp drawn/figures/plane.svg "drawn/figures/$long.svg"
  GNUTERM=x11 run plot drawn --format svg,png,pdf --quiet
  want_rc 0
  want_file drawn/figures/plane.png drawn/figures/plane.pdf
fi
finish
