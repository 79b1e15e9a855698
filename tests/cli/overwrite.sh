# What an output replaces: what the same command wrote there, and with --force the rest; never what is read.
. "$(dirname "$0")/lib.sh"
draw_nothing

fine simulate --model clip --n 120 --d 16 --seed 3 -o pairs.h5 --quiet
fine simulate --model clip --n 120 --d 16 --seed 4 -o more.h5 --quiet
quick="--epochs 2 --batch 32 --quiet"
grid="--loss cua --seeds 1 --epochs 1 --quiet"
audits() { run audit pairs.h5 --quiet -o "$@"; }
# shellcheck disable=SC2086 # several words
trains() { run train pairs.h5 $quick -o "$@"; }
# shellcheck disable=SC2086
sweeps() { run sweep pairs.h5 $grid -o "$@"; }
compares() { run compare pairs.h5 more.h5 --quiet -o "$@"; }

# sums FOLDER: a line for each file in it
sums() { (cd "$1" && find . -type f -exec cksum {} + | sort -k 3); }

# left_alone FOLDER WORDS…: the last run ended with 3 and one line, and the folder is as it was in the file before
left_alone() {
  want_rc 3
  folder=$1
  shift
  want_line err "$folder" "--force" "$@"
  sums "$folder" >after
  checks=$((checks + 1))
  cmp -s before after || complain "$folder is not as it was: $(diff before after)"
}

# ---- each command into the folder of each other one, and into its own
for owner in audit train compare sweep; do
  ${owner}s "of-$owner"
  want_rc 0
  mkdir -p "of-$owner/figures" # none where only the seed of a sweep varied
  printf 'mine' | tee "of-$owner/thesis.pdf" >"of-$owner/figures/photo.png"
  sums "of-$owner" >before
  for command in audit train compare sweep; do
    [ $command = $owner ] || [ ! -d "of-$owner" ] || {
      ${command}s "of-$owner"
      left_alone "of-$owner" "holds"
    }
  done
done
for owner in audit compare; do # their own again
  ${owner}s "of-$owner"
  want_rc 0
done
sums of-train >before
trains of-train
left_alone of-train "another run"
sums of-sweep >before
sweeps of-sweep
left_alone of-sweep "another sweep"
trains of-train --force
want_rc 0
sweeps of-sweep --force
want_rc 0
sweeps of-sweep --resume
want_rc 0
trains of-train --resume
want_rc 0
for owner in audit train compare sweep; do
  works grep -qx mine "of-$owner/thesis.pdf"
  works grep -qx mine "of-$owner/figures/photo.png"
done
# a race, and a training that has not come to its end
fine train pairs.h5 $quick --race clip,cua -o raced
sums raced >before
audits raced
left_alone raced "clip-head.h5"
# no table of the training before stays next to those of the new one
for name in race history one_index confusion who_loses dimensions_before_after; do
  echo "of the training before" >raced/figures/$name.tsv
done
trains raced --force
want_rc 0
! grep -l "training before" raced/figures/*.tsv >stale || complain "tables of the training before: $(cat stale)"
runs timeout --preserve-status -s INT 1 "$CONTRAGAP" train pairs.h5 -o stopped --epochs 100000 --batch 32 --patience 0 --quiet
want_rc 130
sums stopped >before
audits stopped
left_alone stopped "checkpoint.bin"
trains stopped
left_alone stopped "another run"
# with --force another command's page goes, and from then on the folder is of both: neither writes there unasked
audits of-train --force
want_rc 0
want_text of-train/report.html "<html"
want_file of-train/head.h5 of-train/report.json
sums of-train >before
audits of-train
left_alone of-train "a training"
# shellcheck disable=SC2086
run train pairs.h5 $quick -o of-train --resume
left_alone of-train "an audit"

# ---- files of the user's, under each name that a command writes, in a folder that holds nothing else or the command's own
for file in report.json rows.tsv report.html figures/scatter.svg figures/plane.png figures/style.gp; do
  rm -rf own
  mkdir -p own/figures
  printf 'mine' >own/$file
  sums own >before
  audits own
  left_alone own "$file"
  audits own --force
  want_rc 0
done
for file in rows.tsv report.html; do
  printf 'mine' >own/$file
  sums own >before
  audits own
  left_alone own "$file"
  audits own --force
  want_rc 0
done
for format in svg png pdf; do
  printf 'mine' >own/figures/scatter.$format
  sums own >before
  audits own
  left_alone own "figures/scatter.$format"
  rm own/figures/scatter.$format
done
printf '{"run": {"command_line": "contragap auditing"}}' >own/report.json
sums own >before
audits own
left_alone own "report.json"
for file in before.json after.json center.json compare.json report.html figures/history.svg; do
  rm -rf own
  mkdir -p own/figures
  printf '{}' >own/$file
  sums own >before
  trains own
  left_alone own "$file"
  trains own --resume
  left_alone own "$file"
done
mkdir -p own2
printf 'mine' >own2/history.csv
sums own2 >before
trains own2 --history-csv
left_alone own2 "history.csv"
printf 'mine' >own2/clip.json # of a race alone
trains own2
want_rc 0
works grep -qx mine own2/history.csv
works grep -qx mine own2/clip.json
for file in sweep.csv sweep.json report.html figures/sweep-dim.svg figures/map.tsv; do
  rm -rf own
  mkdir -p own/figures
  printf 'mine' >own/$file
  sums own >before
  sweeps own
  left_alone own "$file"
done
for file in compare.json report.html figures/cosines_before_after.tsv figures/scatter-A.svg; do
  rm -rf own
  mkdir -p own/figures
  printf 'mine' >own/$file
  sums own >before
  compares own
  left_alone own "$file"
  compares own --force
  want_rc 0
done
# an audit that was ended in the middle goes on in its folder
audits ended
want_rc 0
rm ended/report.html
audits ended
want_rc 0
want_file ended/report.html

PATH=${PATH#"$work/stand-in:"}
# ---- pictures: gnuplot's are drawn again, others are not drawn over
if command -v gnuplot >/dev/null 2>&1; then
  for _ in 1 2; do
    fine plot ended --format svg,png,pdf --quiet
  done
  for format in svg png pdf; do
    printf 'mine' >ended/figures/plane.$format
    sums ended >before
    run plot ended --format $format --only plane --quiet
    left_alone ended "plane.$format"
    fine plot ended --format $format --only plane --quiet --force
  done
fi

# ---- single files
mkdir one
cp pairs.h5 one/simulated.h5
fine convert pairs.h5 -o one/converted.h5 --quiet
fine apply --method center pairs.h5 -o one/applied.h5 --quiet
run apply --method center one/converted.h5 -o one/applied2.h5 --quiet # its input's attributes do not make it convert's
want_rc 0
/usr/bin/python3 - <<'END' || exit 99
import h5py, numpy as np
rows = np.random.default_rng(1).standard_normal((60, 16))
with h5py.File("one/mine.h5", "w") as f:
    f["image"], f["text"] = rows, rows
with h5py.File("one/other.h5", "w") as f:
    f["image"], f["text"] = rows, rows
    f.attrs["command"] = "python make.py"
END
printf 'mine' >one/text.h5
: >one/empty.h5
ln -s ../pairs.h5 one/link.h5
ln -s nowhere one/dangling.h5
cp of-train/head.h5 one/head.h5
simulates() { run simulate --model uniform --n 60 --d 8 --seed 1 --quiet -o "$@"; }
converts() { run convert more.h5 --quiet -o "$@"; }
applies() { run apply --method center more.h5 --quiet -o "$@"; }
sums one >before
for file in one/*.h5; do
  for command in simulates converts applies; do
    case $command-$file in
    simulates-one/simulated.h5 | simulates-one/link.h5 | converts-one/converted.h5 | applies-one/applied*) continue ;;
    esac
    $command "$file"
    want_rc 3
    want_line err "$file" "--force"
  done
done
sums one >after
works cmp before after
simulates one/simulated.h5
want_rc 0
converts one/converted.h5
want_rc 0
applies one/applied.h5
want_rc 0
applies one/applied2.h5
want_rc 0
for command in simulates converts applies; do
  for file in one/mine.h5 one/text.h5 one/head.h5; do
    $command "$file" --force
    want_rc 0
  done
done
# what is read is never written, under whatever name, with --force or without
ln pairs.h5 hard.h5
ln -s pairs.h5 soft.h5
cp of-train/head.h5 head.h5
cp -r of-sweep folder-of-a-head
cp head.h5 folder-of-a-head/head.h5
ls -l pairs.h5 head.h5 folder-of-a-head/head.h5 >before
cksum pairs.h5 head.h5 folder-of-a-head/head.h5 >>before
for force in "" --force; do
  for out in pairs.h5 hard.h5 soft.h5 ./folder-of-a-head/../pairs.h5; do
    for command in "convert pairs.h5" "apply --method center pairs.h5" "apply --method center more.h5 --fit pairs.h5" \
      "apply head.h5 --image pairs.h5:/image --text more.h5:/text"; do
      # shellcheck disable=SC2086
      refused 2 "$out|another name" $command -o $out $force
    done
  done
  # shellcheck disable=SC2086
  refused 2 "head.h5: this command reads it" apply head.h5 pairs.h5 -o head.h5 $force
  # shellcheck disable=SC2086
  refused 2 "this command reads it" apply folder-of-a-head pairs.h5 -o folder-of-a-head/head.h5 $force
done
ls -l pairs.h5 head.h5 folder-of-a-head/head.h5 >after
cksum pairs.h5 head.h5 folder-of-a-head/head.h5 >>after
works cmp before after

# … nor in a folder, by any command
mkdir inside
for case in "audit report.json" "audit rows.tsv" "train head.h5" "train checkpoint.bin" "train clip-head.h5" "train before.json" \
  "sweep runs.jsonl" "sweep sweep.csv" "compare report.html"; do
  command=${case% *}
  file=inside/${case#* }
  cp pairs.h5 "$file"
  cksum "$file" >before
  case $command in
  audit) set -- audit "$file" ;;
  train) set -- train "$file" --epochs 2 --batch 32 ;;
  sweep) set -- sweep "$file" --loss cua --seeds 1 --epochs 1 ;;
  compare) set -- compare "$file" more.h5 ;;
  esac
  refused 2 "$file: this command reads it|-o" "$@" --quiet -o inside --force
  cksum "$file" >after
  works cmp before after
  rm "$file"
done

# ---- what a killed command left in .contragap-ready takes its place, and nothing else does: no link is followed
# stuck WORDS: no command writes into stuck/, and it and victim/ stay as they are
stuck() {
  { sums stuck; sums victim; ls -lR stuck victim; } >before
  for force in "" --force; do
    # shellcheck disable=SC2086
    refused 3 "$1" audit pairs.h5 --quiet -o stuck $force
  done
  refused 3 "$1" plot stuck --quiet
  { sums stuck; sums victim; ls -lR stuck victim; } >after
  works cmp before after
  rm -rf stuck
}
mkdir -p victim/sub stuck
printf 'precious' | tee victim/diary.txt >victim/sub/f
remove="remove stuck/.contragap-ready"
ln -s ../victim stuck/.contragap-ready
stuck "$remove"
mkdir -p stuck/figures stuck/.contragap-ready
ln -s ../../victim stuck/.contragap-ready/figures
stuck "$remove"
mkdir -p stuck
printf 'mine' >stuck/.contragap-ready
stuck "$remove"
mkdir -p stuck/.contragap-ready/diary.txt/more
printf 'mine' >stuck/diary.txt
stuck "$remove"
mkdir -p stuck/.contragap-ready/rows.tsv stuck/rows.tsv
stuck "$remove"
if [ "$(id -u)" = 0 ]; then # another user's files, as in /tmp
  mkdir -p stuck/.contragap-ready
  printf 'evil' >stuck/.contragap-ready/diary.txt
  chown 65534 stuck/.contragap-ready
  stuck "$remove"
fi
mkdir -p stuck
ln -s ../victim stuck/.contragap-new
{ sums stuck; sums victim; } >before
refused 3 "remove it|stuck/.contragap-new" audit pairs.h5 --quiet -o stuck
{ sums stuck; sums victim; } >after
works cmp before after
rm -rf stuck
# figures on another file system, or without the right to write there: before anything is replaced
aside=$(mktemp -d /dev/shm/contragap-XXXXXX 2>/dev/null) || aside=
if [ "$aside" ] && [ "$(stat -c %d "$aside")" != "$(stat -c %d .)" ]; then
  audits elsewhere
  rm -r elsewhere/figures
  ln -s "$aside" elsewhere/figures
  sums elsewhere >before
  refused 3 "elsewhere/figures is on another file system" audit more.h5 --quiet -o elsewhere
  sums elsewhere >after
  works cmp before after
  want_absent elsewhere/.contragap-ready elsewhere/.contragap-new
  rm elsewhere/figures
  audits elsewhere
  want_rc 0
fi
[ -z "$aside" ] || rm -r "$aside"
if [ "$(id -u)" != 0 ]; then
  audits locked
  chmod a-w locked/figures
  sums locked >before
  refused 3 "locked" audit more.h5 --quiet -o locked
  sums locked >after
  works cmp before after
  want_absent locked/.contragap-ready
  chmod u+w locked/figures
  audits locked
  want_rc 0
fi
# a reader's line can be given to the shell as it is
audits "two runs"
mkdir "two runs/.contragap-ready"
cp "two runs/rows.tsv" "two runs/.contragap-ready"
refused 3 "rows.tsv is still the earlier run's|contragap plot 'two runs'" compare "two runs" more.h5 --quiet -o of-both
fine plot "two runs" --quiet
want_absent "two runs/.contragap-ready"

# ---- folders of .npy, which say nothing of who wrote them
fine convert pairs.h5 --format npy -o arrays --quiet
sums arrays >before
run convert more.h5 --format npy -o arrays --quiet
left_alone arrays "arrays/image.npy"
fine convert more.h5 --format npy -o arrays --quiet --force
for force in "" --force; do
  sums arrays >before
  # shellcheck disable=SC2086
  refused 2 "is an input" convert arrays/image.npy arrays/text.npy --format npy -o arrays $force
  sums arrays >after
  works cmp before after
done
finish
