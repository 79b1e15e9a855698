#!/bin/sh
# sh tests/run.sh [BUILD [MESON_OPTION…]]: installs what is missing, builds in BUILD (build), runs the tests.
# The last line is `N passed, N failed`, with `, N skipped` where there are any; exit 1 where one failed.
# SLOW=1 runs the slow suites as well (coverage of the intervals, minutes).
set -u
cd "$(dirname "$0")/.." || exit 1
build=${1:-build}
[ $# -eq 0 ] || shift

stop() {
  echo "$*" >&2
  echo "0 passed, 1 failed"
  exit 1
}

sh .ci/install || stop "the packages of .ci/packages could not be installed"
if [ -f "$build/build.ninja" ]; then
  [ $# -eq 0 ] || meson configure "$build" "$@" </dev/null || stop "meson refused the options: $*"
else
  meson setup "$build" "$@" </dev/null >&2 || stop "meson setup failed"
fi
ninja -C "$build" </dev/null >&2 || stop "the build failed"

# Criterion names skipped tests at this level only.
CRITERION_VERBOSITY_LEVEL=1
export CRITERION_VERBOSITY_LEVEL
setup=quick
[ "${SLOW:-}" != 1 ] || setup=all
log=$build/meson-logs/testlog-$setup.txt
rm -f "$log"
meson test -C "$build" --no-rebuild --print-errorlogs --setup "$setup" </dev/null >&2
[ -f "$log" ] || stop "meson test left no log"
awk -f tests/count.awk "$log"
