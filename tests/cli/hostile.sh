# HDF5 files that make the HDF5 library 1.10 crash, loop or read past its heap: one line and exit 3 from every command
# that takes a file, within a second of processor time, and nothing left behind.
. "$(dirname "$0")/lib.sh"
hostile=$CONTRAGAP_SOURCE/tests/hostile
OMP_NUM_THREADS=1
export OMP_NUM_THREADS

fine simulate -o pairs.h5 --n 40 --d 8 --quiet
fine train pairs.h5 -o head --epochs 1 --batch 16 --quiet
cp head/head.h5 head.h5
cp -r head trained

# what the folder holds, and which of our processes are in it
state() {
  find . ! -name out ! -name err ! -name before ! -name after ! -name difference -printf '%P %s\n' | sort
  for process in /proc/[0-9]*; do
    [ "$(readlink "$process/cwd" 2>/dev/null)" = "$work" ] && [ "$(readlink "$process/exe" 2>/dev/null)" = "$program" ] &&
      echo "process ${process#/proc/}"
  done
  return 0
}
program=$(readlink -f "$CONTRAGAP")

# processor time of all that has ended so far, in milliseconds
spent() {
  times | tail -1 | tr 'ms' '  ' | awk '{ printf "%d\n", 1000 * (60 * $1 + $2 + 60 * $3 + $4) }'
}

# stopped ARGS…: as the head of this file says
stopped() {
  start=$(spent)
  run "$@"
  cost=$(($(spent) - start))
  want_rc 3
  want_line err "the HDF5 library failed on" "$file" "it is damaged or hostile"
  checks=$((checks + 3))
  [ ! -s out ] || complain "stdout is not empty:" "$(head -c 500 out)"
  [ "$cost" -lt "$limit" ] || complain "$cost ms of processor time, more than $limit"
  state >after
  diff before after >difference || complain "left behind:" "$(cat difference)"
  rm -rf difference report new new.h5
}

# a build that checks itself is slower
limit=1000
grep -q -e libasan -e libtsan "$program" && limit=20000

# damaged NAME BASE OFFSET VALUE [OFFSET VALUE …]: a copy of BASE with other bytes (octal, as printf takes them)
damaged() {
  file=$1.h5
  cp "$hostile/$2.h5" "$file"
  shift 2
  while [ $# -gt 0 ]; do
    # shellcheck disable=SC2059
    printf "\\$2" | dd of="$file" bs=1 seek="$1" conv=notrunc 2>/dev/null
    shift 2
  done
  state >before
  stopped info "$file"
  stopped audit "$file" --json
  stopped audit "$file" -o report
  stopped audit --image "$file:/image" --text pairs.h5:/text
  stopped train "$file" -o new --epochs 1
  stopped apply head.h5 "$file" -o new.h5
  stopped apply "$file" pairs.h5 -o new.h5
  stopped apply --method center "$file" -o new.h5
  stopped compare "$file" pairs.h5
  stopped compare pairs.h5 "$file" -o new
  stopped convert "$file" -o new.h5
  stopped convert "$file" --format npy -o new
  stopped sweep "$file" -o new --loss clip --dim 4 --seeds 1 --epochs 1
  rm "$file"
}

# the same files as they were made
for base in "$hostile"/*.h5; do
  fine info "$base"
  fine audit "$base" --json
done

while read -r name base bytes; do
  case $name in '' | '#'*) continue ;; esac
  # shellcheck disable=SC2086
  damaged "$name" "$base" $bytes
done <"$hostile/damages"

# a hole of any size at its end allows no more time
for damage in '2259 200' '2625 001'; do
  file=long.h5
  cp "$hostile/ids.h5" long.h5
  # shellcheck disable=SC2059
  printf "\\${damage#* }" | dd of=long.h5 bs=1 seek="${damage% *}" conv=notrunc 2>/dev/null
  if truncate -s 400G long.h5 2>/dev/null; then
    state >before
    stopped info long.h5
  fi
  rm long.h5
done

# no descriptor for the process that checks, which is no fault of the file
cp "$hostile/ids.h5" ids.h5
# shellcheck disable=SC2016
runs sh -c 'ulimit -n 4; exec "$0" info ids.h5' "$CONTRAGAP"
want_rc 5
want_line err "ids.h5: no process can be started to check it: Too many open files; raise the limit (ulimit -n)"
rm ids.h5

# a parent that ignores the end of children
if /usr/bin/python3 -c '' 2>/dev/null; then
  cp "$hostile/ids.h5" ids.h5
  works /usr/bin/python3 -c 'import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])' "$CONTRAGAP" info ids.h5
  rm ids.h5
fi

# damage behind more datasets than are probed: the program itself crashes, says so and leaves nothing
if /usr/bin/python3 -c 'import h5py' 2>/dev/null && [ "$limit" -eq 1000 ]; then
  /usr/bin/python3 - <<'END' || exit 99
import h5py, numpy as np
r = np.random.default_rng(0)
with h5py.File("late.h5", "w") as f:
    for i in range(300):
        f["a/%03d" % i] = np.float32(i)
    f["image"], f["text"] = r.normal(size=(6, 4)), r.normal(size=(6, 4))
    for name in ("image_id", "text_image_id"):
        f.create_dataset(name, data=[b"a%d" % i for i in range(6)], dtype=h5py.string_dtype())
whole = bytearray(open("late.h5", "rb").read())
whole[whole.index(b"GCOL") + 25] = 0x80 # the length of a string
open("late_damaged.h5", "wb").write(whole)
END
  state >before
  fine info late.h5 --quiet
  for command in "info" "audit -o report" "convert -o new.h5" "train --epochs 1 -o new"; do
    # shellcheck disable=SC2086
    refused 3 "a library failed on late_damaged.h5|damaged or hostile" $command late_damaged.h5
    state >after
    checks=$((checks + 1))
    diff before after >difference || complain "left behind:" "$(cat difference)"
  done
fi
finish
