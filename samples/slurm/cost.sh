#!/bin/sh
# What an audit on ranks costs, from what `contragap bench` has measured; the model is in README.md here.
#
#   contragap bench --d 512 --json >rank.json          on a node, with the threads of a rank
#   sh cost.sh rank.json PAIRS RANKS [NAME=VALUE…]
#
#   texts=M     texts, where they are not as many as images
#   bytes=2     of a value in the file
#   speed=1     ranks are so many times as fast as what was measured
#   file=GB/s   that a rank reads while all read (as measured: the page cache)
#   ring=GB/s   that a rank sends while it receives as much (as measured under mpirun, else 10)
#   queries=Q   sampled, with Q queries a side; sample=32768 rows of each side, reads=4 times that a row
#               is read (1 where a rank's rows fit into its memory)
set -eu
usage() {
  sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
  exit 2
}
[ $# -ge 3 ] || usage
bench=$1 pairs=$2 ranks=$3
shift 3
if [ ! -r "$bench" ]; then
  echo "$bench: cannot be read; contragap bench --json >$bench makes it" >&2
  exit 2
fi
for given in "$@"; do
  case $given in
  texts=* | bytes=* | speed=* | file=* | ring=* | queries=* | sample=* | reads=*) ;;
  *)
    echo "$given: not known; sh $0 lists the names" >&2
    exit 2
    ;;
  esac
done
# one value a line: key, then the number
figures=$(sed -n -e 's/^ *"\([a-z_0-9]*\)": {$/\1/;t name' -e 's/^ *"value": \([0-9][0-9.e+-]*\).*/\1/;t value' \
  -e 's/^ *"\(dim\|rows\)": \([0-9]*\).*/\1=\2/p;d' -e ':name' -e 'h;d' -e ':value' -e 'H;x;s/\n/=/p' "$bench")

printf '%s\n' "$figures" "images=$pairs" "ranks=$ranks" "$@" | awk -F= '
$0 != "" {
  if ($2 !~ /^[0-9.]+(e[+-]?[0-9]+)?$/) {
    printf "%s: a number is needed\n", $0 >"/dev/stderr"
    bad = 1
    exit 2
  }
  v[$1] = $2 + 0
}

function or_else(name, value) {
  return name in v ? v[name] : value
}

function stage(name, seconds, of) {
  names[++count] = name
  taken[count] = seconds
  about[count] = of
  total += seconds
}

function less(a, b) {
  return a < b ? a : b
}

END {
  if (bad)
    exit 2
  n = v["images"]; m = or_else("texts", n); p = v["ranks"]; d = v["dim"]
  bytes = or_else("bytes", 2); speed = or_else("speed", 1)
  file = 1e9 * v["file"]; ring = 1e9 * or_else("ring", 10)
  q = or_else("queries", 0); s = less(or_else("sample", 32768), less(n, m))
  if (!(d > 0 && v["rows"] > 0 && v["tile_pass"] > 0 && v["couples"] > 0 && n > 0 && p >= 1)) {
    print "what contragap bench --json says is needed, and pairs and ranks" >"/dev/stderr"
    exit 2
  }
  # operations a second: those of whole tiles on the diagonal, of which half are counted, are done all the same
  rate = 1e9 * v["tile_pass"] * speed * (1 + 512 / v["rows"])
  own = (n + m) / p                   # rows of a rank
  whole = int((n + 1023) / 1024)      # runs of rows: a rank has whole ones
  uneven = int((whole + p - 1) / p) / (whole / p) # at a stop of the ring the greatest block waits for the greatest

  stage("reading", own * d * bytes * (q ? or_else("reads", 4) : 1) / file, "")
  stage("row pass", own * 2 * d / (1e9 * v["row_pass"] * speed), "")
  stage("equal rows", own * (0.2e-6 + (p > 1 ? 56 / ring : 0)), "")
  stage("norms", (n + m) * 2e-9, "rank after rank")
  stage("matched pairs", m / p / (1e3 * v["couples"] * speed), "")
  if (q) {
    stage("pairs of the sample", 4 * d * s * s / p / rate, "")
    stage("queries", 2 * d * q * own / rate, "")
    stage("separability", 2 * s / p / (1e3 * v["separability"] * speed), "of the sample")
    stage("cosines of all pairs", m * (40e-9 + 6e-9 * log(m) / log(2)), "rank 0 alone")
    stage("drawing the sample", n * 11e-9, "on every rank")
  } else {
    work = 2 * d * (n * n / 2 + m * m / 2 + n * m + 512 * (n + m))
    stage("tiles", work / p * uneven * uneven / rate, sprintf("%.3g flop a rank", work / p))
    sent = p > 1 ? (int(p / 2) * (n + m) + (p - 1) * less(n, m)) / p * d * bytes : 0
    stage("waiting for the ring", sent / ring > taken[count] ? sent / ring - taken[count] : 0, \
      sprintf("%.3g GB a rank", sent / 1e9))
    stage("sums of rows", p > 1 ? (184 * (n + m) / 2 + 304 * less(n, m) + 488 * (n + m)) / ring : 0, "to rank 0")
    stage("separability", own / (1e3 * v["separability"] * speed) + (n + m) * 0.2e-6, "")
    stage("results of every row", (n + m) * 0.45e-6, "rank 0 alone")
  }
  if (p > 1)
    stage("gathered", (q ? 8 * m : 24 * (n + m) + 16 * m + 48 * n) / ring, q ? "to rank 0" : "to every rank")
  stage("eigenproblems", 4 * d * d * d / (1e9 * v["spectra"] * speed) / less(p, 3), "")

  printf "%.4g images, %.4g texts, d = %d, on %d ranks of %.3g GFLOP/s\n", n, m, d, p, rate / 1e9
  for (k = 1; k <= count; k++)
    printf "%-22s %12.4g s %5.1f %%  %s\n", names[k], taken[k], 100 * taken[k] / total, about[k]
  printf "%-22s %12.4g s\n", "in all", total
  held = own * d * (4 + bytes)
  if (q) { # the greater of what reading and what is kept afterwards need, of rank 0, which has the cosines of all pairs
    reading = (8 * (n + m) + 60 * (n > m ? n : m)) / p
    later = (8 * (n + m) + 16 * m) / p + 16 * m
    rest = reading > later ? reading : later
  } else
    rest = (72 + 640) * (n + m)
  printf "%-22s %12.4g GiB %s\n", "memory of a rank", ((q ? 0 : held) + rest + 2e8) / 2 ^ 30, \
    q ? "and its rows where they fit" : "as planned"
}'
