# Pickles of Python, NumPy, joblib and torch.save: the report of the same rows in .npz, and what is hostile or damaged
# ends in one line without that any of it ran.
. "$(dirname "$0")/lib.sh"
OMP_NUM_THREADS=1
export OMP_NUM_THREADS
python=/usr/bin/python3
"$python" -c 'import numpy' 2>/dev/null || skip "NumPy is not here (Debian: python3-numpy)"
"$python" "$here/make_pickles.py" "$work" || exit 99

rows_report want.json ref.npz
for file in arrays?.pkl big?.pkl more?.pkl rows?.pkl pair?.pkl new[2-5].pt old[2-5].pt new_big.pt old_big.pt new_views.pt old_views.pt \
  array*.joblib objects.npy; do
  same_rows_report "$file"
done
same_rows_report --image image.pickle --text text.p
same_rows_report --image new_image.pth --text old_text.pth
same_rows_report --image arrays4.pkl:image --text rows3.pkl:emb.text
same_rows_report --image new2.pt:image --text objects.npy:text
same_rows_report image_rows.npy text_rows.npy
same_rows_report image_rows.npy more_rows.npy # each of vectors that are gathered
rows_report want.json ref64.npz
for file in lists?.pkl; do
  same_rows_report "$file"
done
rows_report want.json upper.npz
same_rows_report new_half.pt
same_rows_report old_half.pt
rows_report want.json labelled.npz
want_text want.json '"zero_shot"'
for file in labels?.pkl new_labels.pt old_labels.pt; do
  same_rows_report "$file"
done
rows_report want.json named.npz
for file in ids?.pkl new_ids.pt old_ids.pt; do
  same_rows_report "$file"
done
run info ids4.pkl
want_text out "/image/id" "40 rows stacked" "ids: ids4.pkl:/text/id of the texts against ids4.pkl:/image/id"
for file in more?.pkl; do
  run info "$file"
  want_text out "/captions  40 × 2   string" "/tokens    500      list"
done
run info records2.pkl
want_text out "records2.pkl:/image, 40 rows of 12, float32" "records2.pkl:/text, 40 rows of 12, float64" "/key  "
run info new_views.pt
want_text out "PyTorch, Fortran order" "PyTorch, rows apart"
run info scalars.pkl
want_text out "/scalars  3  "
refused 3 "new_odd.pt:/text: a view whose rows|.contiguous()" audit new_odd.pt

# what is written from them has the same bits
fine convert new_views.pt -o views.h5
fine convert arrays0.pkl -o arrays.h5
rows_report want.json views.h5
same_rows_report arrays.h5

# hostile: one line, an exit code of a file that is not read, little memory and time, and nothing of it runs
memory=2000000
! grep -q -e libasan -e libtsan "$CONTRAGAP" || memory=unlimited # a sanitizer takes terabytes of addresses
for file in hostile/*; do
  runs sh -c 'ulimit -v "$2" && exec timeout 20 "$0" info "$1"' "$CONTRAGAP" "$file" "$memory"
  checks=$((checks + 1))
  case $rc in
  3 | 4 | 5) want_line err "$file" ;;
  *) complain "exit code $rc" "$(head -c 300 err)" ;;
  esac
done
checks=$((checks + 1))
[ "$(find hostile -type f | wc -l)" -ge 100 ] || complain "too few hostile files"
want_absent has_run
for name in system:posix.system system_protocol_0:os.system system_by_names:os.system system_inst:os.system system_obj:posix.system \
  system_newobj:posix.system eval:builtins.eval exec_python_2:__builtin__.exec getattr:builtins.getattr \
  numpy_run:numpy.testing._private.utils.runstring pandas:pandas.core.frame.DataFrame; do
  refused 3 "hostile/${name%%:*}.pkl: a Python pickle that would call ${name#*:}, which is not read and was not run" audit "hostile/${name%%:*}.pkl"
done
refused 3 "pandas.read_pickle('hostile/pandas.pkl')" audit hostile/pandas.pkl
refused 3 "torch_system.pt: a Python pickle that would call posix.system" audit hostile/torch_system.pt
refused 3 "CRC" audit hostile/bits.pt
refused 3 "4 bytes follow the end of its pickle" audit hostile/bytes_behind.pkl
refused 3 "hostile/zlib.joblib: cannot be unpacked|copy or download it again" audit hostile/zlib.joblib
refused 3 "protocol 9" audit hostile/protocol_9.pkl
refused 3 "cut short" audit hostile/storage_cut.pt

# cut at every byte
size=$(wc -c <cut/whole.pkl)
fine info cut/whole.pkl --text text.p --image image.pickle
length=0
while [ "$length" -lt "$size" ]; do
  head -c "$length" cut/whole.pkl >cut/part.pkl
  run info cut/part.pkl
  checks=$((checks + 1))
  [ "$rc" -eq 3 ] && [ "$(wc -l <err)" -eq 1 ] || complain "exit code $rc, cut at $length: $(cat err)"
  length=$((length + 7))
done
finish
