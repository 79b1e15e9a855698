# The install lines of the README in a fresh virtual environment without network, then its lines of Python.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/cli/lib.sh"
python=/usr/bin/python3
"$python" -c 'import numpy, cffi, mesonpy, pip, venv' 2>/dev/null || skip "needs python3-numpy, -cffi, -mesonpy, -pip, -venv"
pkg-config --exists python3 || skip "the headers of Python are not here (Debian: python3-dev)"
offline= # in a name space without network, where that is allowed; pip uses no index anyway
! unshare -rn true 2>/dev/null || offline="unshare -rn"

# the files of the last commit and what is changed, without build folders: the path is the same each time, for ccache
tree=${TMPDIR:-/tmp}/contragap-pip-$(id -u)
rm -rf "$tree"
mkdir "$tree" || exit 99
(cd "$CONTRAGAP_SOURCE" && tar -c --exclude='./build*' --exclude=./.git --exclude=./contragap-demo . | tar -x -C "$tree") || exit 99
works "$python" -m venv --system-site-packages venv
cache=$(ccache -k cache_dir 2>/dev/null) || cache=$work/ccache # HOME is another below
# shellcheck disable=SC2086  # two words, or none
works $offline env PIP_NO_INDEX=1 PIP_DISABLE_PIP_VERSION_CHECK=1 HOME="$work" CCACHE_DIR="$cache" \
  CCACHE_NOHASHDIR=1 venv/bin/pip install --no-build-isolation --quiet "$tree"
rm -rf "$tree"

# from the virtual environment alone, with no program and no build folder in reach
mkdir try
cd try || exit 99
fine simulate -o pairs.h5 --n 400 --d 16 --quiet
fine convert pairs.h5 --format npy -o rows --quiet
mv rows/image.npy img_emb.npy
mv rows/text.npy text_emb.npy
sed -n '/^```python$/,/^```$/p' "$CONTRAGAP_SOURCE/README.md" | sed '/^```$/q' | grep -v '^```' >readme.py
checks=$((checks + 1))
grep -q 'cg.audit' readme.py && grep -q 'cg.train' readme.py || complain "README.md has no lines of Python that audit and train"
works env -u PYTHONPATH -u LD_LIBRARY_PATH ../venv/bin/python readme.py
want_file report-of-python/report.json closed-by-python/head.h5
works env -u PYTHONPATH ../venv/bin/python -c 'import contragap, os; print(os.path.dirname(contragap.__file__))'
want_text out "$work/venv/"
checks=$((checks + 1))
version=$("$CONTRAGAP" --version | head -n 1)
found=$(../venv/bin/python -c 'import contragap; print(contragap.__version__)')
case $version in
*"$found"*) ;;
*) complain "the package says $found, the program $version" ;;
esac
cd .. || exit 99
finish
