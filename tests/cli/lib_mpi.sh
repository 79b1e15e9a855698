# Helpers of the shell tests over ranks: `. "$(dirname "$0")/lib_mpi.sh"` as the first line, in place of lib.sh, which it
# includes. The fresh directory has pairs.h5, ragged.h5, bad.h5, straight.h5, holes.h5, two.h5, shard0.h5 to shard2.h5,
# unpaired.h5, tight.h5 and empty.h5.
#
#   ranks N ARGS…      contragap ARGS… on N ranks of one thread
#   mixed N SCRIPT     a shell script on N ranks, each with its number in $RANK
#
# MPIEXEC is the launcher with its flags; without it that of the MPI that the program was built with. $mpich is set where
# that is MPICH. A test is skipped where there is no launcher, or where the program was built without MPI.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

module=$(find "$CONTRAGAP_BUILD" -name 'contragap-mpi.so' | head -n 1)
[ -n "$module" ] || skip "built without MPI"
mpich=
# shellcheck disable=SC2034  # which the tests read
case $(ldd "$module") in
*libmpich*)
  mpich=1 # its launcher kills all ranks where one has died: none is left to report more, or to clean up
  : "${MPIEXEC:=$(command -v mpiexec.mpich || echo mpiexec)}" # Debian's name, and everybody's
  ;;
*) : "${MPIEXEC:=mpirun --oversubscribe --bind-to none}" ;; # Open MPI
esac
command -v "${MPIEXEC%% *}" >/dev/null || skip "${MPIEXEC%% *} is not here"
OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM
unset MALLOC_PERTURB_ # which meson sets: the launcher of Open MPI 4.1 crashes with it where a rank aborts
PYTHON=/usr/bin/python3

# ranks N ARGS…: contragap ARGS… on N ranks of one thread; what the launcher says is left out of err
ranks() {
  n=$1
  shift
  # shellcheck disable=SC2086  # the launcher's flags
  runs $MPIEXEC -n "$n" "$CONTRAGAP" "$@" --threads 1
  grep '^contragap:' err >said
  mv said err
}

# mixed N SCRIPT: ranks that do not all do the same
mixed() {
  last="$MPIEXEC -n $1: $2"
  rc=0
  # shellcheck disable=SC2016,SC2086  # the ranks' shell expands it; the launcher's flags
  $MPIEXEC -n "$1" \
    sh -c 'RANK=${OMPI_COMM_WORLD_RANK:-$PMI_RANK}; '"$2" >out 2>err </dev/null || rc=$?
  cat out err >launcher # with what the launcher says
  grep '^contragap:' err >said
  mv said err
}

"$PYTHON" - <<'END' || exit 99
import h5py, numpy as np
random = np.random.default_rng(1)
d = 24
def write(path, **sets):
    with h5py.File(path, "w") as file:
        for name, values in sets.items():
            file[name] = values
x = random.normal(size=(3300, d)).astype("f4")
of = random.integers(0, 3300, 5001)
y = (x[of] + random.normal(size=(5001, d))).astype("f4")
x[100], y[5], y[17] = x[3000], y[4999], y[2048]
write("ragged.h5", image=x, text=y.astype("f2"), text_image=of)
bad = x.copy()
bad[7], bad[2500] = np.nan, 0
write("bad.h5", image=bad, text=y, text_image=of)
own = (x + random.normal(size=x.shape)).astype("f2")
own[3], own[1200], own[3299] = own[2900], own[40], own[2900]
write("straight.h5", image=x, text=own) # pairs by row, with equal rows in other ranks
holes, own_holes = bad.copy(), own.copy()
holes[1500], holes[1501] = holes[20], holes[3100]
own_holes[9], own_holes[3000] = 0, np.inf
write("holes.h5", image=holes, text=own_holes) # the same with rows left out of both
write("two.h5", image=x, text=np.concatenate([own, own[:, :8]], 1)) # of two widths
for k in range(3):
    part = slice(k * 1100, (k + 1) * 1100)
    write(f"shard{k}.h5", image=x[part], text=(x[part] + 1 + random.normal(size=(1100, d))).astype("f4"))
write("unpaired.h5", image=x, text=y[:900])
wide = random.normal(size=(2600, 300)).astype("f4")
write("tight.h5", image=wide[:1100], text=wide[1100:])
with h5py.File("empty.h5", "w") as file:  # of which no rank reads more than a block
    for name in ("image", "text"):
        file.create_dataset(name, (1000000, 8), "f2", chunks=(10000, 8))
END
fine simulate --model clip --n 2500 --d 48 --captions 2 --classes 7 -o pairs.h5
