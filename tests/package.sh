#!/bin/sh
# sh tests/package.sh [ROOT]: the Debian packages of this tree: built from a copy with the tests that belong to it,
# held against lintian, their contents looked at. With the word `root` they are then installed into a fresh Debian
# (debootstrap, from the mirror that apt uses here; needs root and some 1.5 GB under TMPDIR) and tried there as a user
# would: debian/tests/installed. Exit 77 where this machine lacks what that takes.
#   DEB_BUILD_OPTIONS=nocheck   builds without tests
#   KEEP=FOLDER                 leaves the packages there
set -eu
cd "$(dirname "$0")/.."
source=$PWD
what=${1:-packages}

skip() {
  echo "skipped: $*" >&2
  exit 77
}

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

has() {
  for tool; do
    command -v "$tool" >/dev/null || skip "$tool is not here${2:+ (Debian: $2)}"
  done
}

case $what in
packages | root) ;;
*) fail "usage: package.sh [root]" ;;
esac
command -v dpkg-buildpackage >/dev/null || skip "dpkg-buildpackage is not here (Debian: dpkg-dev)"
command -v dh >/dev/null || skip "dh is not here (Debian: debhelper)"
command -v lintian >/dev/null || skip "lintian is not here (Debian: lintian)"
if [ "$what" = root ]; then
  [ "$(id -u)" -eq 0 ] || skip "a fresh root folder needs root"
  command -v debootstrap >/dev/null || skip "debootstrap is not here (Debian: debootstrap)"
  unshare --mount true 2>/dev/null || skip "no private mounts here (unshare --mount)"
fi

work=$(mktemp -d "${TMPDIR:-/var/tmp}/contragap-package-XXXXXX")
trap 'cd / && rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM

# ---------------------------------------------------------------- build

tree=$work/contragap
mkdir "$tree"
{
  echo ./.git
  echo ./contragap-demo
  echo __pycache__
  find . -mindepth 2 -maxdepth 2 -name build.ninja | sed 's|/build.ninja$||' # build folders, whatever their name
} >"$work/left-out"
tar -c --exclude-from="$work/left-out" . | tar -x -C "$tree"
(
  cd "$tree"
  # the real files of the tests, where they are beside the tree
  [ ! -d "$source/../shared" ] || ln -s "$(cd "$source/../shared" && pwd)" ../shared
  DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:-} parallel=$(nproc)" dpkg-buildpackage -us -uc -F </dev/null
) >"$work/build.log" 2>&1 || {
  grep -E '\[----\]|FAILED|Assert|error:' "$work/build.log" | head -n 40 >&2
  tail -n 30 "$work/build.log" >&2
  fail "dpkg-buildpackage"
}
grep -E '^(Ok|Fail|Skipped|Expected Fail|Timeout):' "$work/build.log" | sed 's/^/package: /' >&2 || true
if [ -n "${KEEP:-}" ]; then
  mkdir -p "$KEEP"
  cp "$work"/*.deb "$work"/*.changes "$work/build.log" "$KEEP"
fi

lintian --fail-on error --tag-display-limit 0 "$work"/*.changes >"$work/lintian.log" 2>&1 || {
  cat "$work/lintian.log" >&2
  fail "lintian"
}
sed 's/^/lintian: /' "$work/lintian.log" >&2

# ---------------------------------------------------------------- contents

# holds PACKAGE PATTERN…: a file of the package matches each (grep -E, whole path)
holds() {
  package=$1
  shift
  dpkg-deb -c "$work"/"${package}"_*.deb | awk '{print $6}' >"$work/list"
  for pattern; do
    grep -qxE -e "$pattern" "$work/list" || fail "$package has no $pattern; it has: $(tr '\n' ' ' <"$work/list")"
  done
}

# lacks PACKAGE PATTERN…: none does
lacks() {
  package=$1
  shift
  dpkg-deb -c "$work"/"${package}"_*.deb | awk '{print $6}' >"$work/list"
  for pattern; do
    ! grep -xE -e "$pattern" "$work/list" >&2 || fail "$package has $pattern"
  done
}

multiarch='\./usr/lib/[a-z0-9_]+-linux-gnu[a-z0-9]*'
holds contragap '\./usr/bin/contragap' '\./usr/share/man/man1/contragap\.1\.gz' '\./usr/share/man/man1/contragap-audit\.1\.gz' \
  '\./usr/share/bash-completion/completions/contragap' '\./usr/share/zsh/vendor-completions/_contragap' \
  '\./usr/share/contragap/plots/style\.gp' '\./usr/share/doc/contragap/copyright'
lacks contragap '.*\.(h|a|so|so\..*|pc|c|o)'
holds libcontragap0 "$multiarch/libcontragap\\.so\\.0" "$multiarch/libcontragap\\.so\\.0\\.[0-9.]+"
lacks libcontragap0 '.*/(bin|include|man1)/.*' '.*\.(a|pc)' '.*libcontragap\.so'
holds libcontragap-dev '\./usr/include/contragap/contragap\.h' "$multiarch/libcontragap\\.a" "$multiarch/libcontragap\\.so" \
  "$multiarch/pkgconfig/contragap\\.pc" '\./usr/share/doc/libcontragap-dev/examples/audit_matrix\.c' \
  '\./usr/share/doc/libcontragap-dev/examples/use_results\.py'
lacks libcontragap-dev '.*/bin/.*' '.*\.so\..*'
holds python3-contragap '\./usr/lib/python3/dist-packages/contragap/__init__\.py' \
  '\./usr/lib/python3/dist-packages/contragap/_library\..*\.so' '\./usr/lib/python3/dist-packages/contragap/py\.typed'
lacks python3-contragap '.*/(bin|include|man1)/.*'
commands=$(find "$tree/src/cli" -name 'cmd_*.c' | wc -l)
dpkg-deb -c "$work"/contragap_*.deb | grep -c '/contragap-[a-z]*\.1\.gz' >"$work/pages"
[ "$(cat "$work/pages")" -eq "$commands" ] || fail "$(cat "$work/pages") man pages for $commands commands"
dpkg-deb -f "$work"/libcontragap-dev_*.deb Depends | grep -q 'libcontragap0 (= ' || fail "libcontragap-dev does not ask for its own library"

# ---------------------------------------------------------------- from a root of their own

# unpacked to a folder, with the system's libraries: the program, its figures and the Python package as they are installed
unpacked=$work/unpacked
for package in contragap libcontragap0 python3-contragap; do
  dpkg-deb -x "$work"/"$package"_*.deb "$unpacked"
done
library=$(dirname "$(find "$unpacked" -name libcontragap.so.0)")
mkdir "$work/try"
(
  cd "$work/try"
  env -i PATH="$unpacked/usr/bin:/usr/bin:/bin" HOME="$work/try" LC_ALL=C.UTF-8 LD_LIBRARY_PATH="$library" OMP_NUM_THREADS=1 \
    PYTHONPATH="$unpacked/usr/lib/python3/dist-packages" sh -eu <<'EOF'
contragap simulate -o pairs.h5 --n 200 --d 8 --quiet
contragap audit pairs.h5 -o report --json --quiet >by-program.json
test -s report/report.html
/usr/bin/python3 - <<'PY'
import json
import contragap
assert "/unpacked/" in contragap.__file__, contragap.__file__
mine, want = contragap.audit("pairs.h5").to_dict(), json.load(open("by-program.json"))
assert mine["gap"] == want["gap"] and mine["retrieval"] == want["retrieval"]
PY
EOF
) >"$work/try.log" 2>&1 </dev/null || {
  tail -n 20 "$work/try.log" >&2
  fail "the packages, unpacked to a folder"
}
echo "packages: built, lintian without errors, contents as they should be; the program and import contragap work" >&2
[ "$what" = root ] || exit 0

# ---------------------------------------------------------------- a fresh Debian

# REPO RELEASE COMPONENT of each Debian archive that apt reads here
apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
  awk '$1 == "Debian" {print $2, $3, $4}' | sort -u >"$work/archives"
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
mirror=$(awk -v release="$codename" '$2 == release {print $1; exit}' "$work/archives")
[ -n "$mirror" ] || skip "apt reads no Debian archive of $codename here"
root=$work/root
http_proxy=$(apt-config shell proxy Acquire::http::Proxy | sed "s/^proxy='\(.*\)'$/\1/")
[ -z "$http_proxy" ] || export http_proxy
debootstrap --variant=minbase "$codename" "$root" "$mirror" >"$work/debootstrap.log" 2>&1 </dev/null || {
  tail -n 20 "$work/debootstrap.log" >&2
  fail "debootstrap"
}
while read -r uri release component; do
  echo "deb $uri $release $component"
done <"$work/archives" >"$root/etc/apt/sources.list"
[ -z "$http_proxy" ] || echo "Acquire::http::Proxy \"$http_proxy\";" >"$root/etc/apt/apt.conf.d/00proxy"
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
mkdir "$root/packages"
cp "$work"/*.deb "$tree/debian/tests/installed" "$tree/debian/tests/control" "$root/packages"
rm -f "$root"/packages/*-dbgsym_*

cat >"$root/packages/go" <<'EOF'
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
cd /packages
tools=$(sed -n 's/^Depends: @,//p' control | tr -d ,)
apt-get update -qq
apt-get install -y -qq --no-install-recommends ./*.deb $tools >install.log 2>&1 || { tail -n 30 install.log >&2; exit 1; }
mkdir try
AUTOPKGTEST_TMP=$PWD/try ./installed
apt-get purge -y -qq contragap libcontragap0 libcontragap-dev python3-contragap >/dev/null 2>&1
left=$(find /usr /etc /var/lib -name '*contragap*' -not -path '/var/lib/dpkg/*')
[ -z "$left" ] || { echo "purging left: $left" >&2; exit 1; }
EOF
# mounts that end with the command, whatever happens
unshare --mount sh -c '
  mount -t proc proc "$1/proc" && mkdir -p "$1/dev/pts" && mount -t devpts -o newinstance,ptmxmode=0666 devpts "$1/dev/pts" &&
    rm -f "$1/dev/ptmx" && ln -s pts/ptmx "$1/dev/ptmx" && exec chroot "$1" sh /packages/go' sh "$root" </dev/null ||
  fail "the packages in a fresh $codename"
echo "packages: installed, tried and purged in a fresh $codename" >&2
