# Everything that contragap refuses: one line on stderr with the words that help, nothing on stdout, nothing
# written, and the exit code of the specification.
. "$(dirname "$0")/lib.sh"
: "${MAKE_FILES:?MAKE_FILES must name the program that makes the files}"

"$MAKE_FILES" "$work" || exit 99
HDF5_PLUGIN_PATH=$work # no filter of this machine
export HDF5_PLUGIN_PATH
names() {
  find . -mindepth 1 -maxdepth 1 -printf '%f\n' | sort
}
names >files_before

want_silent() {
  checks=$((checks + 1))
  [ ! -s out ] || complain "stdout is not empty:" "$(head -c 500 out)"
}

want_untouched() {
  checks=$((checks + 1))
  names | grep -v -x -e files_after -e files_before -e out -e err >files_after
  grep -v -x -e files_after -e files_before -e out -e err files_before | diff - files_after >/dev/null ||
    complain "the folder is not as it was:" "$(ls -A)"
}

# refuse CODE 'WORDS|WORDS' ARGS…: audit ARGS… -o report is refused
refuse() {
  want=$1
  words=$2
  shift 2
  run audit "$@" -o report
  want_rc "$want"
  old=$IFS
  IFS='|'
  set -f
  # shellcheck disable=SC2086
  set -- $words
  set +f
  IFS=$old
  want_line err "contragap: " "$@"
  want_silent
  want_untouched
}

# the file itself
refuse 3 'none.h5: no such file' none.h5
refuse 3 'img_*.npy: no such file|the shell expands patterns' 'img_*.npy' text.npy
refuse 3 'folder.h5: a folder' folder.h5
refuse 3 'words.h5: not an HDF5 file|16 bytes' words.h5
refuse 3 'lfs.h5: a Git LFS pointer|4103128|git lfs pull' lfs.h5
refuse 3 'empty.h5: empty (0 bytes)' empty.h5
refuse 3 'truncated.h5: truncated: 2000 bytes of' truncated.h5
refuse 3 'filter.h5:/image|bzip2 (307)|--plugins|hdf5-filter-plugin' filter.h5
refuse 3 'filter.h5:/image|bzip2 (307), which is missing|hdf5-filter-plugin' filter.h5 --plugins

# what is in it
refuse 3 'nothing.h5: no dataset can be the image or the text|give --image and --text|1) /alpha (40, 8) float32|2) /beta (40, 8)' nothing.h5
refuse 3 'tie.h5: 3 choices|1) --image /image --text /text|2) --image /image_other|3) --image /visual' tie.h5
refuse 3 'pairs.h5: no dataset /imgae|did you mean /image?' pairs.h5 --image imgae
refuse 3 'pairs.h5: no dataset /pairs|--text-image|1) /image' pairs.h5 --text-image /pairs
refuse 3 'none.h5: no such file' --image none.h5:/image --text pairs.h5:/text
refuse 3 'unequal.h5:/text: 39 rows|has 40|--text-image|--unpaired' unequal.h5
refuse 4 'beyond.h5:/text_image|text 7|image row 40|40 images|correct it' beyond.h5
refuse 4 'from_one.h5:/text_image|text 39|image row 40|count from 1' from_one.h5
refuse 4 'twice.h5:/image_id|id 3|rows 3 and 7' twice.h5
refuse 4 'nan.h5:/image|5|--drop-bad' nan.h5
refuse 4 'infinite.h5:/image|5|--drop-bad' infinite.h5
refuse 4 'zero.h5:/image|5|--drop-bad' zero.h5
refuse 4 'integers.h5:/image|uint8|(40, 8)|convert it to float32|--image' integers.h5
refuse 4 'boxes.h5:/image_features|(40, 36, 16)|rank 3' boxes.h5
refuse 4 'two.h5:/image: 2 rows|at least 3' two.h5
refuse 4 'no_rows.h5:/image|(0, 8)|no rows' no_rows.h5
refuse 4 'flat.h5:/image|d = 1|at least 2' flat.h5
refuse 4 'labels.h5:/labels|image 4 has label 4|4 classes|--labels' labels.h5
refuse 3 'open.h5|--text-image' open.h5
refuse 4 'pairs.h5:/image (and 1 more)|45|--drop-bad' pairs.h5 nan.h5
refuse 4 'captions.h5:/text|(40, 3, 8)|(40, 8)' pairs.h5 captions.h5

# the machine
refuse 5 'memory' pairs.h5 --memory 1K
need=$(sed -n 's/.*--memory \([0-9][0-9]*[KMG]*\).*/\1/p' err)
fine audit pairs.h5 --memory "${need:-none}"

# the command line
refuse 2 '--nonsense' pairs.h5 --nonsense
refuse 2 '--image' pairs.h5 --imgae /image
refuse 2 '--threads|two' pairs.h5 --threads two
refuse 2 '--threads|-1' pairs.h5 --threads -1
refuse 2 '--memory|12X' pairs.h5 --memory 12X
refuse 2 '--seed|1.5' pairs.h5 --seed 1.5
refuse 2 '--progress|sometimes' pairs.h5 --progress sometimes
refuse 2 '--fail-if|gap.centroid_distance' pairs.h5 --fail-if 'gap.centroid_distance>'
refuse 2 'gap.centroid_distanse|gap.centroid_distance' pairs.h5 --fail-if 'gap.centroid_distanse>1'
refuse 2 'FILE'
refuse 2 '--image /image' --image /image --text /text

# places that cannot be written
cannot() {
  refused 3 "contragap: $2" audit pairs.h5 -o "$1"
  want_silent
  want_untouched
}
cannot words.h5 words.h5
cannot words.h5/report words.h5
cannot /dev/null/report /dev/null
cannot /proc/contragap /proc/contragap
if [ "$(id -u)" -ne 0 ]; then
  mkdir locked && chmod 500 locked
  names() {
  find . -mindepth 1 -maxdepth 1 -printf '%f\n' | sort
}
names >files_before
  cannot locked/report locked/report
  rmdir locked
  names() {
  find . -mindepth 1 -maxdepth 1 -printf '%f\n' | sort
}
names >files_before
fi
refused 3 "none/out.h5|folder none" simulate -o none/out.h5 --n 10 --d 4
want_untouched

# a full disk: a limit on file sizes fails as one, and /dev/full takes nothing
limited() {
  last="ulimit -f 1; contragap $*"
  rc=0
  (
    ulimit -f 1
    exec "$CONTRAGAP" "$@"
  ) >/dev/null 2>limited_err </dev/null || rc=$?
  mv limited_err err
}
: >out
limited audit pairs.h5 -o report
want_rc 5
want_line err "contragap: report" "space"
checks=$((checks + 1))
[ -z "$(find report -type f 2>/dev/null)" ] || complain "files in report:" "$(find report -type f)"
rm -rf report
limited simulate -o out.h5 --n 400 --d 16
want_rc 5
want_line err "contragap: out.h5" "space"
want_untouched
if [ -w /dev/full ]; then
  for command in "audit pairs.h5" "audit pairs.h5 --json" "info pairs.h5" "info pairs.h5 --json"; do
    last="contragap $command >/dev/full"
    rc=0
    # shellcheck disable=SC2086
    "$CONTRAGAP" $command >/dev/full 2>err </dev/null || rc=$?
    want_rc 5
    want_line err "contragap: standard output"
  done
fi

# no errors: bad rows dropped, two sets without pairs
fine audit nan.h5 --drop-bad
fine audit unequal.h5 --unpaired
fine audit captions.h5

finish
