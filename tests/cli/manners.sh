# Manners on a terminal and off it: widths, colours, progress, Ctrl-C, a reader that leaves.
. "$(dirname "$0")/lib.sh"

# on_terminal COLUMNS ARGS…: contragap ARGS… with stdout and stderr on a terminal so wide, both in the file out
on_terminal() {
  wide=$1
  shift
  runs /usr/bin/python3 "$here/terminal.py" "$wide" "$CONTRAGAP" "$@"
  tr -d '\r' <out | sed 's/'"$escape"'\[[0-9;]*[mK]//g' >plain
}
escape=$(printf '\033')

# widest FILE LOW HIGH: its longest line has from LOW to HIGH letters
widest() {
  checks=$((checks + 1))
  letters=$(LC_ALL=C.UTF-8 wc -L <"$1")
  if [ "$letters" -lt "$2" ] || [ "$letters" -gt "$3" ]; then
    complain "$letters letters, not $2 to $3:" "$(head -c 2000 "$1")"
  fi
}

fine simulate --model clip --n 300 --d 32 --classes 5 --seed 4 -o pairs.h5 --quiet
fine audit pairs.h5 -o report --quiet
fine train pairs.h5 -o closed --epochs 2 --quiet
! grep "gnuplot" err || complain "a figure was not drawn: $(cat err)" # its confusion has one cell
widest out 60 80

# ---- 80 columns hold everything, more are used
for command in --help "audit pairs.h5" "audit pairs.h5 --unpaired" "info pairs.h5" "compare pairs.h5 report/report.json" \
  "compare closed/before.json closed/after.json --all" "plot closed --list" \
  "sweep pairs.h5 -o sweep --dim 4,8 --loss clip,cua --seeds 1,2 --epochs 1 --quiet"; do
  # shellcheck disable=SC2086  # several words
  fine $command
  widest out 40 80
done
for command in audit train apply compare sweep info plot simulate convert bench; do
  fine $command --help
  widest out 60 80
  cp out help
  runs sed -n 1p help
  want_line out "example:" # help leads with one
done
TERM=xterm on_terminal 130 audit pairs.h5 --progress never
want_rc 0
widest plain 81 130
TERM=xterm on_terminal 180 train pairs.h5 -o closed --epochs 2 --quiet --force --all
want_rc 0
widest plain 150 180
want_text plain "recall@1, image to text" "cca"
# ---- from 50 columns on nothing is wider than the terminal, but for commands to copy
for command in "audit pairs.h5" "audit pairs.h5 --all" "audit pairs.h5 --unpaired --all" "audit pairs.h5 --by labels" \
  "compare closed/before.json closed/after.json" "compare closed/before.json closed/after.json --all" \
  "compare closed/before.json closed/after.json closed/center.json" "plot closed --list" "plot report --terminal" \
  "sweep pairs.h5 -o sweep --dim 4,8 --loss clip,cua --seeds 1,2 --epochs 1 --quiet --force"; do
  # shellcheck disable=SC2086  # several words
  TERM=xterm on_terminal 50 $command --quiet
  want_rc 0
  grep -v "^    contragap " plain >lines
  widest lines 35 50
done
for command in "" --all; do
  # shellcheck disable=SC2086
  TERM=xterm on_terminal 50 train pairs.h5 -o closed --epochs 2 --quiet --force $command
  want_rc 0
  widest plain 40 50
done
# in the terminal each figure is drawn by the program itself: gnuplot's drawings begin with a form feed
fine audit pairs.h5 -o renamed --names audio,caption --quiet
fine audit one=pairs.h5:/image -o alone --quiet
for folder in report closed renamed alone; do
  fine plot $folder --terminal
  want_none "$(printf '\f')" out
done
COLUMNS=60 run audit pairs.h5 --quiet # of what is no terminal
grep -v "^    contragap " out >lines
widest lines 45 60
TERM=xterm on_terminal 40 audit pairs.h5 --quiet # as 50
grep -v "^    contragap " plain >lines
widest lines 35 50

# ---- colours: on a terminal that has them, unless NO_COLOR is set
TERM=xterm on_terminal 80 audit pairs.h5 --progress never
want_text out "${escape}["
NO_COLOR=1 TERM=xterm on_terminal 80 audit pairs.h5 --progress never
want_none "$escape" out
TERM=dumb on_terminal 80 audit pairs.h5
want_none "$escape" out
run audit pairs.h5 --progress never
want_none "$escape" out

# ---- progress: one line drawn again, no longer than the terminal is wide, with the time that is left
TERM=xterm on_terminal 80 train pairs.h5 -o long --epochs 2000 --batch 16 --patience 0
want_rc 0
want_text out "s left" "training, epoch"
tr '\r' '\n' <out | grep "epoch" | sed 's/'"$escape"'\[[0-9;]*[mK].*//' >lines
widest lines 40 79
want_none "^[^0-9]" lines # the share first
# cut between words, and no bracket left open
TERM=xterm on_terminal 50 train pairs.h5 -o long --epochs 1500 --batch 16 --patience 0 --force
cp out ended
tr '\r' '\n' <out | grep "epoch [0-9]*/" | sed 's/'"$escape"'\[[0-9;]*[mK].*//' >lines
widest lines 20 49
want_none "([^)]*\$" lines
want_none "[a-z]\.\$\|[0-9]\.\$" lines
# it clears itself
works awk 'BEGIN { RS = "\r" } /^[0-9]+ %/ { shown = 1; next } /^\033\[K/ { shown = 0 } END { exit shown }' ended
for quiet in --quiet "--progress never"; do
  # shellcheck disable=SC2086
  TERM=xterm on_terminal 80 train pairs.h5 -o "quiet$quiet" --epochs 2 $quiet
  want_none "training, epoch\|images:" out
done

# interrupt SECONDS ARGS…: contragap ARGS… stopped after so long: exit 130, at once, and a line
interrupt() {
  delay=$1
  shift
  last="$* (interrupted after $delay s)"
  "$CONTRAGAP" "$@" >out 2>err </dev/null &
  child=$!
  sleep "$delay"
  begun=$(date +%s%N)
  kill -INT "$child"
  rc=0
  wait "$child" || rc=$?
  spent=$((($(date +%s%N) - begun) / 1000000))
  want_rc 130
  checks=$((checks + 1))
  [ "$spent" -lt 1500 ] || complain "left after $spent ms" # a second on a machine that others use as well
  checks=$((checks + 1))
  [ "$(find . -name '*.tmp*' | wc -l)" -eq 0 ] || complain "left behind: $(find . -name '*.tmp*')"
}

# ---- Ctrl-C in phases that can be asked and in those that cannot: eigenproblems of 3072 columns, a step of all rows
fine simulate --model clip --n 400 --d 3072 --seed 5 -o wide.h5 --quiet
for delay in 0.3 1.2 2.5; do
  interrupt $delay audit wide.h5 -o new/folder
  want_text err "interrupted" "nothing was written"
  want_absent new
done
fine simulate --model clip --n 30000 --d 64 --seed 5 -o many.h5 --quiet
mkdir mine
interrupt 1.5 train many.h5 -o mine --batch full --patience 0
want_text err "interrupted"
runs test -d mine # an empty folder of the user's stays
want_rc 0
for delay in 0.2 0.5; do
  interrupt $delay simulate --model uniform --n 3000000 --d 64 -o large.h5
  want_text err "interrupted" "nothing was written"
  want_absent large.h5
done
interrupt 3 sweep many.h5 -o swept --dim 8,16,32 --batch 64
want_text err "interrupted; swept holds" " of 27 runs" "--resume"

# what stands where there is a checkpoint; off a terminal a line every ten seconds until then
interrupt 11 train pairs.h5 -o stopped --batch 32 --epochs 100000 --patience 0
want_text err "interrupted; stopped holds a checkpoint" "--resume"
want_file stopped/checkpoint.bin
want_none "$escape\|$(printf '\r')" err
cp err said
works grep -c "^[0-9]* % training, epoch.* left\$" said

# ---- a reader that leaves has had what it wanted
for command in --help "audit --help" "audit pairs.h5" "audit pairs.h5 --json" "audit pairs.h5 --markdown" \
  "audit pairs.h5 --dry-run" "info pairs.h5" "info pairs.h5 --json" "compare closed/before.json closed/after.json" \
  "compare closed/before.json closed/after.json --json" "plot closed --list" \
  "train pairs.h5 -o piped --epochs 1 --quiet --force"; do
  last="$command | :"
  # shellcheck disable=SC2086
  { { "$CONTRAGAP" $command 2>err; echo $? >code; } | :; } 3>&1
  sleep 0.05
  rc=$(cat code)
  want_rc 0
  checks=$((checks + 1))
  grep -q "standard output" err && complain "$(cat err)"
done
# where nothing of it can be written, that is said
# shellcheck disable=SC2016  # $0 of the inner shell
runs sh -c '"$0" audit pairs.h5 >/dev/full' "$CONTRAGAP"
want_rc 5
want_line err "standard output"
finish
