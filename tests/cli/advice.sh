# Advice that is printed has to work: each line for Python or the shell that a refusal ends with is run as it stands, on
# such a file, and what it writes is read. Lines for programs that are not here are left out; modules that Debian has not
# (joblib, faiss) are stood in for by ones with the same calls.
. "$(dirname "$0")/lib.sh"
python=/usr/bin/python3
"$python" -c 'import numpy, h5py' 2>/dev/null || skip "NumPy and h5py are not here (Debian: python3-h5py)"

"$python" "$here/make_foreign.py" "$work" || exit 99
PYTHONPATH=$work/modules
export PYTHONPATH

# python_line: what follows "in Python" in err, up to the end of the line
python_line() {
  sed -n 's/.*[Ii]n Python[^:]*: //p' err
}

# by_python FILE NEW: the refusal of FILE ends with a line of Python, which writes NEW
by_python() {
  rm -f new.npz new.npy new.joblib
  ends 3 info "$1"
  line=$(python_line)
  checks=$((checks + 1))
  [ -n "$line" ] || complain "no line for Python about $1: $(cat err)"
  works "$python" -c "$line"
  want_file "$2"
}

# both FILE: the line writes new.npz with images and texts in it
both() {
  by_python "$1" new.npz
  fine info new.npz
  want_text out "24 × 6"
}

# rows FILE NEW: the line writes rows of one modality
rows() {
  by_python "$1" "$2"
  fine info --image "$2" --text text.npy
  want_text out "24 × 6"
}

both "it's a frame.pkl"
for file in packed.joblib packed_xz.joblib; do
  by_python "$file" new.joblib
  fine info new.joblib
done
both structured.npy
both structured_in.npz
rows columns.npy new.npy
both structured.h5
both matrices.mat
both table.parquet
both table.arrow
rows index.faiss new.npy

# by_shell FILE PROGRAM NEW LEAD: the refusal has a line for the shell behind LEAD
by_shell() {
  ends 3 info "$1"
  want_text err "$4"
  line=$(sed -n "s/.*$4//p" err | sed 's/`.*//')
  checks=$((checks + 1))
  [ "${line%% *}" = "$2" ] || complain "the line does not begin with $2: $line"
  command -v "$2" >/dev/null || return 0
  works sh -c "$line"
  fine info "$3"
}
by_shell "two words.h5.gz" gunzip "two words.h5" 'unpack it: '
rm -f pairs.h5
by_shell pairs.h5.bz2 bunzip2 pairs.h5 'unpack it: '
rm -f pairs.h5
by_shell pairs.h5.xz unxz pairs.h5 'unpack it: '
by_shell classic.nc nccopy new.nc 'convert it: '
by_shell "in use.h5" h5clear "in use.h5" 'or run `'
ends 3 info annexed
want_text err "git annex get annexed"

# filters that are missing: the line that writes the file again where the filter is
ends 3 info lzo.h5
want_text err "LZO (305)" "ptrepack --complib zlib --complevel 4 OLD.h5:/ NEW.h5:/"
if command -v ptrepack >/dev/null; then
  works ptrepack --complib zlib --complevel 4 packed.h5:/ again.h5:/
  fine info again.h5
fi
ends 3 info unknown.h5
want_text err "(300)" 'h5repack -f GZIP=4 OLD.h5 NEW.h5'
if command -v h5repack >/dev/null; then
  works h5repack -f GZIP=4 pairs.h5 repacked.h5
  fine info repacked.h5
fi

# commands of contragap itself
ends 3 info --image nothing "many names.h5"
line=$(sed -n 's/.* and [0-9]* more (\(contragap info .*\))$/\1/p' err)
checks=$((checks + 1))
[ -n "$line" ] || complain "no command in: $(cat err)"
runs sh -c "\"\$CONTRAGAP\" ${line#contragap }"
want_text out "many names.h5"
ends 3 compare image.npy text.npy
line=$(sed -n 's/.*`contragap \(convert .*\)`.*/\1/p' err | sed 's/IMAGES/image/; s/TEXTS/text/; s/NEW/new/')
checks=$((checks + 1))
[ -n "$line" ] || complain "no command in: $(cat err)"
works sh -c "\"\$CONTRAGAP\" $line"
fine info new.h5
run info image.npy text.npy more.npy # what --image and --text would take
want_rc 3
want_line err "more.npy: given, but not used"
fine info image.npy more.npy --text more.npy

finish
