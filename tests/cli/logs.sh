# train: history.jsonl, history.csv and TensorBoard's events say the same, also after a run was killed and resumed.
. "$(dirname "$0")/lib.sh"
draw_nothing

python=/usr/bin/python3
read_events() {
  runs "$python" "$here/read_events.py" "$@"
}

fine simulate --model clip --n 600 --d 32 --seed 3 -o pairs.h5 --quiet

# 420 training texts, batches of 60: 7 steps an epoch
fine train pairs.h5 -o closed --history-csv --tensorboard tb --epochs 6 --batch 60 --quiet
want_file closed/history.csv closed/history.jsonl
read_events closed/history.jsonl tb 7 closed/history.csv
want_rc 0
want_text out "1 sessions, 28 tags, 6 epochs"
# a reader that is none: a byte that differs is found
cp -r tb damaged
printf 'x' | dd of="$(ls damaged/*)" bs=1 seek=300 conv=notrunc 2>/dev/null
read_events closed/history.jsonl damaged 7
want_rc 1

# nothing of it unless asked for
fine train pairs.h5 -o plain --epochs 1 --batch 60 --quiet
want_absent plain/history.csv plain/tb

# a run without a validation part: empty cells, no such tags
fine train pairs.h5 -o blind --history-csv --tensorboard blind-tb --epochs 2 --batch 60 --val 0 --patience 0 --quiet
read_events blind/history.jsonl blind-tb 8 blind/history.csv
want_rc 0
want_text out "1 sessions, 16 tags, 2 epochs"

# a race: a folder for each loss
fine train pairs.h5 -o race --race clip,cua --history-csv --tensorboard logs/race --epochs 3 --batch 60 --quiet
for loss in clip cua; do
  read_events race/$loss-history.jsonl logs/race/$loss 7 race/$loss-history.csv
  want_rc 0
done

# killed and resumed: every epoch once
long="--history-csv --tensorboard pieces-tb --batch 60 --epochs 400 --patience 0 --threads 1 --quiet"
for tenths in 2 4 3 5; do
  # shellcheck disable=SC2086  # several words
  timeout -s KILL 0.$tenths "$CONTRAGAP" train pairs.h5 -o pieces --resume $long >/dev/null 2>&1
done
# shellcheck disable=SC2086
fine train pairs.h5 -o pieces --resume $long
read_events pieces/history.jsonl pieces-tb 7 pieces/history.csv
want_rc 0
want_text out "400 epochs"

# a damaged line of the history that is not the last: refused by its number, and nothing is lost
rm -f pieces/history.jsonl.bak-*
cp pieces/history.jsonl kept
damage() {
  word=$1
  shift
  "$@" <kept >pieces/history.jsonl
  cp pieces/history.jsonl bad
  # shellcheck disable=SC2086
  refused 3 "pieces/history.jsonl|$word" train pairs.h5 -o pieces --resume $long
  works cmp bad pieces/history.jsonl
}
damage "line 3: no JSON" sed '3s/^{/[/'
damage "line 400: no JSON" sed '400s/}$//'
damage "line 8: no JSON" sed '8s/^.*$//'
damage "line 8: no JSON" sed '8s/loss/\x00oss/'
damage "line 9: no epoch" sed '9s/"epoch"/"epoche"/'
damage "line 9: no number seconds" sed '9s/"seconds"/"Seconds"/'
damage "line 9: no number training.loss" sed '9s/"loss"/"less"/'
damage "line 9: no number validation.loss" sed '9s/"validation":{/"validation":0,"of":{/'
damage "line 6: epoch 5 where epoch 6 belongs" sed 5p
damage "line 7: epoch 8 where epoch 7 belongs" sed 7d
damage "holds 399 epochs, checkpoint.bin is of epoch 400" sed '$d'
damage "holds 0 epochs" true
rm pieces/history.jsonl
# shellcheck disable=SC2086
refused 3 "holds 0 epochs" train pairs.h5 -o pieces --resume $long
cp kept pieces/history.jsonl
# half of a last line is made again; what stands behind the checkpoint is, and stays in a copy
printf '{"epoch":401,"sec' >>pieces/history.jsonl
# shellcheck disable=SC2086
fine train pairs.h5 -o pieces --resume $long
works cmp kept pieces/history.jsonl
want_absent pieces/history.jsonl.bak-1
printf '{"epoch":401,"seconds":1}\n' >>pieces/history.jsonl
cp pieces/history.jsonl longer
# shellcheck disable=SC2086
fine train pairs.h5 -o pieces --resume $long
works cmp kept pieces/history.jsonl
works cmp longer pieces/history.jsonl.bak-1

# the events of another run: refused, replaced with --force; what others wrote stays
refused 3 "tb|another run|--force" train pairs.h5 -o other --tensorboard tb --epochs 1 --batch 60 --quiet
want_absent other
printf 'theirs' >tb/events.out.tfevents.1.host
fine train pairs.h5 -o closed --tensorboard tb --epochs 2 --batch 60 --quiet --force
want_absent closed/history.csv
works test "$(find tb -type f | wc -l)" -eq 2
rm tb/events.out.tfevents.1.host
read_events closed/history.jsonl tb 7
want_rc 0
want_text out "1 sessions" "2 epochs"

# a folder that cannot be made
printf 'a file' >here
refused 3 "here" train pairs.h5 -o nowhere --tensorboard here/tb --epochs 1 --batch 60 --quiet
want_absent nowhere
finish
