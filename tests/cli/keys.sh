# What a measure is called on the screen shares the words of its key, and is the same in --keys, tables and pages.
. "$(dirname "$0")/lib.sh"

# names KEYS: the keys whose name does not say the main words of the last part of the key, and one of the parts before.
# A word is main by its first four letters; of a part without a word of four letters all letters, or the initials of
# the name: gap.rmg is the relative modality gap.
cat >names.awk <<'END'
function lacks(part, name,    n, words, i, any, missing, initials, own) {
  n = split(part, words, /[_0-9]+/)
  for (i = 1; i <= n; i++) {
    if (length(words[i]) < 4)
      continue
    any = 1
    if (!index(name, substr(words[i], 1, 4)))
      missing = 1
  }
  if (any)
    return missing
  gsub(/[_0-9]/, "", part)
  sub(/at$/, "", part) # recall_at_1
  initials = name
  sub(/^[^:]*: /, "", initials)
  n = split(initials, words, /[ ,()-]+/)
  for (i = 1; i <= n; i++)
    own = own substr(words[i], 1, 1)
  gsub(/[^a-z]/, "", name)
  return !index(name, part) && own != part
}
{
  key = $1
  name = tolower(substr($0, length($1) + 1))
  sub(/;.*/, "", name)
  sub(/^ +/, "", name)
  n = split(key, parts, ".")
  before = n == 1
  for (i = 1; i < n; i++)
    if (parts[i] !~ /image|text|joint/ && !lacks(parts[i], name))
      before = 1
  for (i = 1; i < n && !before; i++) { # one word of a part is enough: mixed_retrieval is search in one mixed index
    m = split(parts[i], words, "_")
    for (k = 1; k <= m && parts[i] !~ /image|text|joint/; k++)
      if (length(words[k]) > 3 && index(name, substr(words[k], 1, 4)))
        before = 1
  }
  if (lacks(parts[n], name) || !before)
    print key " is called " name
}
END
fine audit --keys
cp out keys
checks=$((checks + 1))
[ "$(wc -l <keys)" -gt 100 ] || complain "only $(wc -l <keys) keys"
works awk -f names.awk keys
checks=$((checks + 1))
[ ! -s out ] || complain "names that are not their keys':" "$(cat out)"

# the rule tells
cat >wrong <<'END'
hubness.text_to_image.anti_hub_share      Hubness: never a neighbour, text to image; unit fraction; better lower; with pairs
gap.share_of_alignment      Gap: share of misfits; unit fraction; better lower; with pairs
retrieval.image_to_text.mrr  Retrieval: reciprocal rank, image to text; unit -; better higher; with pairs
pca.image.isoscore           Spectrum: IsoScore, image; unit -; better higher; always
mixed.unbiased               Same modality: share of 10 nearest, by chance; unit fraction; better -; always
END
works awk -f names.awk wrong
checks=$((checks + 1))
[ "$(wc -l <out)" -eq 5 ] || complain "the rule lets wrong names pass:" "$(cat out)"

# ---- every number of an audit by that name in Markdown, and on the page; the table has its words
fine simulate --model clip --n 120 --d 16 --classes 4 --seed 3 -o pairs.h5 --quiet
fine audit pairs.h5 --keys
sed -n 's/^[^ ]* *\([A-Z][^;]*\);.*/\1/p' out | sort -u >names # numbers of no block begin with a small letter
fine audit pairs.h5 --markdown -o report
sed -n 's/^| \([A-Z][^|]*[^ |]\) *|.*/\1/p' out | sort -u >markdown
runs comm -23 names markdown
checks=$((checks + 1))
[ ! -s out ] || complain "not in Markdown:" "$(cat out)"
fine audit pairs.h5 --all --quiet
cp out table
sed 's/^[^:]*: //; s/, .*//' names | sort -u >labels
while read -r label; do
  want_text table "$label"
  want_text report/report.html "$label"
done <labels
finish
