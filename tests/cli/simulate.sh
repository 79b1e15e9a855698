#!/bin/sh
# contragap simulate through the command line.
. "$(dirname "$0")/lib.sh"

# what is written, by model and type
for model in offset uniform cone clip; do
  fine simulate -o $model.h5 --model $model --n 40 --d 8 --seed 3 --quiet
  want_file $model.h5
  fine audit $model.h5 --json
done
for type in float16 bfloat16 float32 float64; do
  fine simulate -o $type.h5 --n 40 --d 8 --dtype $type
  fine info $type.h5
  want_text out $type
done

# the offset model's known answers, through the file
run simulate -o offset.h5 --model offset --h 0.3 --n 50 --d 6 --dtype float64
fine audit offset.h5 --fail-if 'gap.centroid_distance>0.6000001' --fail-if 'gap.centroid_distance<0.5999999' \
  --fail-if 'alignment.mean_squared_distance>0.3600001' --fail-if 'alignment.mean_squared_distance<0.3599999'

# captions: a third axis, or a dataset with each text's image
run simulate -o five.h5 --n 20 --d 8 --captions 5
run info five.h5
want_text out '20' '5' '8'
fine audit five.h5
run simulate -o ragged.h5 --n 20 --d 8 --captions 1-4
run info ragged.h5
want_text out text_image
fine audit ragged.h5

# classes: labels, class texts, arithmetic
run simulate -o classes.h5 --n 100 --d 16 --classes 6
fine audit classes.h5 --json
want_text out zero_shot arithmetic

# the same seed, the same numbers, whatever the threads; another seed, others
values() {
  run audit "$1.h5" --json
  tr ',' '\n' <out | grep -F '"value"' >"$1.txt"
}
run simulate -o one.h5 --n 100 --d 16 --seed 7 --threads 1
run simulate -o two.h5 --n 100 --d 16 --seed 7 --threads 2
run simulate -o other.h5 --n 100 --d 16 --seed 8
values one
values two
values other
want_file one.txt
works cmp one.txt two.txt
runs cmp one.txt other.txt
want_rc 1

# refusals: one line, nothing written
refuse() {
  want=$1
  shift
  run simulate "$@"
  want_rc "$want"
  want_line err contragap
}
refuse 2
refuse 2 -o bad.h5 --model clips
refuse 2 -o bad.h5 --n 2
refuse 2 -o bad.h5 --n -4
refuse 2 -o bad.h5 --n 1e3
refuse 2 -o bad.h5 --d 1
refuse 2 -o bad.h5 --captions 0
refuse 2 -o bad.h5 --captions five
refuse 2 -o bad.h5 --captions 5-
refuse 2 -o bad.h5 --captions 8-1
refuse 2 -o bad.h5 --dtype int8
refuse 2 -o bad.h5 --model offset --h 1
refuse 2 -o bad.h5 --model cone --kappa -1
refuse 2 -o bad.h5 --model cone --classes 4
refuse 2 -o bad.h5 --classes 1
refuse 2 -o bad.h5 --seed seven
refuse 2 -o bad.h5 stray
refuse 2 -o bad.h5 --frobnicate
want_absent bad.h5
refuse 3 -o no/such/folder/bad.h5
mkdir folder
refuse 3 -o folder
want_absent folder/bad.h5 no

# what existed stays where the new file fails
run simulate -o kept.h5 --n 40 --d 8
cp kept.h5 before.h5
refuse 2 -o kept.h5 --n 1
works cmp kept.h5 before.h5

fine simulate --help
want_text out simulate --model --captions --classes clip 0.4
# an option of another model, and a disk that is too small: said before any work
refused 2 "--h belongs to model offset, the model is uniform" simulate -o no.h5 --model uniform --h 0.3
refused 2 "--kappa belongs to model cone" simulate -o no.h5 --model offset --kappa 3
refused 5 "no.h5: the file needs 524288000 MB, the disk has" simulate -o no.h5 --n 1000000000 --d 65536
want_absent no.h5

finish
