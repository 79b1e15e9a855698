# tables.sh: numbers in text, in JSON, and one array an item, through the program: the report of the same rows as .npy.
. "$(dirname "$0")/lib.sh"

/usr/bin/python3 - <<'PY' || skip "numpy and h5py are missing"
import csv, json, os
import h5py
import numpy as np

r = np.random.default_rng(0)
rows = {"image": r.normal(size=(60, 16)).astype("f4")}
rows["text"] = (rows["image"] + .4 * r.normal(size=(60, 16))).astype("f4")
ids = ["p%03d" % k for k in range(60)]
order = {"image": list(range(60)), "text": list(r.permutation(60))}


def line(v, sign=","):
    return sign.join("%.9g" % x for x in v)


def put(name, lines, end="\n"):
    with open(name, "w", newline="") as f:
        f.write(end.join(lines) + end)


heads = "id," + ",".join("e%d" % k for k in range(16))
items = {}
for side, x in rows.items():
    o = order[side]
    np.save(side + "_emb.npy", x)
    put(side + "1.csv", ["%s,%s" % (ids[k], line(x[k])) for k in o], "\r\n")
    put(side + "2.csv", [heads] + ["%s,%s" % (ids[k], line(x[k])) for k in o])
    put(side + "3.txt", ["60 16"] + ["w%d %s " % (k, line(x[k], " ")) for k in range(60)])
    put(side + "4.tsv", [line(v, "\t") for v in x])
    np.savetxt(side + "5.csv", x, delimiter=";")
    put(side + "6.jsonl", [json.dumps({"id": ids[k], "embedding": x[k].tolist()}) for k in o])
    json.dump({ids[k]: x[k].tolist() for k in o}, open(side + "7.json", "w"))
    with open(side + "8.csv", "w", newline="") as f:
        csv.writer(f).writerows([["id", "caption", "embedding"]] + [[ids[k], 'a "dog",\nred', str(x[k].tolist())] for k in o])
    put(side + "9.csv", [","  + heads] + ["%d,%s,%s" % (i, ids[k], line(x[k])) for i, k in enumerate(o)])
    items.update({"%s/%s" % (side, ids[k]): x[k] for k in o})
    os.makedirs("items/" + side)
    for k in o:
        np.save("items/%s/%05d.npy" % (side, k), x[k])
np.savez("items.npz", **items)
with h5py.File("items.h5", "w") as f:
    for name, v in items.items():
        f[name] = v
for kind, layout in ("chunked", {"chunks": (3,), "compression": "gzip"}), ("swapped", {}):
    with h5py.File("items_%s.h5" % kind, "w", userblock_size=512) as f:
        for name, v in items.items():
            f.create_dataset(name, data=v.astype(v.dtype.newbyteorder(">") if kind == "swapped" else v.dtype), **layout)
json.dump({side: x.tolist() for side, x in rows.items()}, open("both.json", "w"))
put("both.csv", [heads.replace("e", "image_") + "," + ",".join("text_%d" % k for k in range(16))]
    + ["%s,%s,%s" % (ids[k], line(rows["image"][k]), line(rows["text"][k])) for k in range(60)])
pairs = ['"%s","%s"' % (rows["image"][k].tolist(), rows["text"][k].tolist()) for k in range(60)]
put("vectors.csv", pairs)
put("vectors_twice.csv", ["emb,emb"] + pairs)
put("ids_twice.csv", ["id," + heads] + ["%d,%s,%s" % (k, ids[k], line(rows["image"][k])) for k in range(60)])
put("columns.csv", [",".join("c%dx" % k for k in range(60000)), ",".join("ab1" * 20000)])
with h5py.File("apart.h5", "w") as f: # a matrix and vectors about it are no items
    f["image"], f["text"] = rows["image"], rows["text"]
    for name in "mean", "std", "median":
        f["image_" + name] = rows["image"].mean(0)
PY

fine audit image_emb.npy text_emb.npy --json --quiet
cp out wanted
# same INPUT…: the measures of the .npy files
same() {
  fine audit "$@" --json
  cp out got
  checks=$((checks + 1))
  /usr/bin/python3 - <<'PY' || complain "$* is read otherwise than the .npy files"
import json
a, b = json.load(open("wanted")), json.load(open("got"))
assert abs(a["gap"]["centroid_distance"]["value"] - b["gap"]["centroid_distance"]["value"]) < 1e-12
assert a["retrieval"]["image_to_text"]["mean_rank"]["value"] == b["retrieval"]["image_to_text"]["mean_rank"]["value"]
PY
}
for k in 1.csv 2.csv 3.txt 4.tsv 5.csv 6.jsonl 7.json 8.csv 9.csv; do
  same --image image$k --text text$k
done
same image2.csv text2.csv
# two files whose names do not say; an object of JSON is in its own order, as its rows elsewhere are
for k in 2.csv 4.tsv 7.json; do
  cp image$k first.${k#*.}
  cp text$k second.${k#*.}
  same first.${k#*.} second.${k#*.}
done
cp image4.tsv part1.tsv
cp text4.tsv part2.tsv
refused 3 "part1.tsv|--image" audit part1.tsv part2.tsv
/usr/bin/python3 -c 'import json, numpy
x = numpy.load("image_emb.npy")
json.dump({"k%d" % k: v.tolist() for k, v in enumerate(x)}, open("unsorted.json", "w"))'
same unsorted.json text_emb.npy
same both.json
same both.csv
same apart.h5
for k in h5 npz; do
  same items.$k
  want_text err "items.$k:/image: 60 arrays, one per item, stacked in the order of their names" "items.$k:/text: 60"
done
for k in chunked swapped; do
  same items_$k.h5
done
same items
same --image items/image --text items/text

# columns of one name are never one after the other in one dataset
refused 3 "/rows (60, 16) float32|/rows_1 (60, 16) float32" info vectors.csv
same --image vectors.csv:/rows --text vectors.csv:/rows_1
refused 3 "vectors_twice.csv: column 2 is called emb" info vectors_twice.csv
refused 3 "ids_twice.csv: column 2 is called id" info ids_twice.csv

refused 3 "columns.csv: more than 1024 columns" info columns.csv

# a text without its image, or bad rows: as in any other file
sed 's/^p00\(.\),/q00\1,/' text2.csv >other.csv
refused 4 "other.csv|\"q00" audit image2.csv other.csv --text other.csv --image image2.csv
sed '3s/,[^,]*/,nan/' image4.tsv >bad.csv
sed '3s/^[^	]*/nan/' image4.tsv >image_bad.tsv
refused 4 "image_bad.tsv" audit --image image_bad.tsv --text text4.tsv
same --image image4.tsv --text text4.tsv --drop-bad

# by line and column; text that is no table; other encodings by name
sed '7s/,[^,]*/,n.a./' image1.csv >image_broken.csv
refused 3 "image_broken.csv|line 7, column 2|\"n.a.\"" audit image_broken.csv text1.csv
printf ';0;1;2\n0;1,5;0,25;2,5\n1;3,5;0,75;4,5\n' >comma.csv
refused 3 "comma.csv|line 2, column 2|\"1,5\"|decimal comma" info comma.csv
mkdir store.zarr
echo '{"zarr_format": 2}' >store.zarr/.zgroup
refused 3 "store.zarr: a Zarr store|zarr.open('store.zarr'" info store.zarr
printf 'a dog\na cat\n' >captions.txt
refused 3 "captions.txt" info captions.txt
iconv -f UTF-8 -t UTF-16 image4.tsv >image_wide.tsv
refused 3 "image_wide.tsv|iconv" info image_wide.tsv
gzip -k image4.tsv
same --image image4.tsv.gz --text text4.tsv
finish
