# audit --by: groups from datasets and text files, in every form; what is refused; what stands in the JSON and on the page.
. "$(dirname "$0")/lib.sh"

# 150 pairs in three groups, of which "wide" has another gap; the same in HDF5 by convert
/usr/bin/python3 - <<'END' || exit 99
import random, struct
random.seed(4)
def write(name, rows, code, pack):
    shape = "(%d, %d)" % (len(rows), len(rows[0])) if isinstance(rows[0], list) else "(%d,)" % len(rows)
    head = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (code, shape)
    head += " " * (63 - (10 + len(head)) % 64) + "\n"
    with open(name, "wb") as f:
        f.write(b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head.encode())
        for row in rows:
            f.write(pack(row))
groups = ["wide", "two words", "b<&\u00e9"]
of = [0 if i < 60 else 1 if i < 110 else 2 for i in range(150)]
order = list(range(150)); random.shuffle(order)
of = [of[k] for k in order]
image, text = [], []
for g in of:
    shared = [random.gauss(0, .6) for _ in range(8)]
    h = .7 if g == 0 else .15
    image.append([s + random.gauss(0, .4) + (h if a == 0 else 0) for a, s in enumerate(shared)])
    text.append([s + random.gauss(0, .4) - (h if a == 0 else 0) for a, s in enumerate(shared)])
floats = lambda row: struct.pack("<8d", *row)
write("img.npy", image, "<f8", floats); write("txt.npy", text, "<f8", floats)
write("group.npy", of, "<i4", lambda g: struct.pack("<i", g))
write("word.npy", [groups[g] for g in of], "<U9", lambda w: w.ljust(9, "\0").encode("utf-32-le"))
write("short.npy", of[:140], "<i4", lambda g: struct.pack("<i", g))
write("half.npy", [g + .5 for g in of], "<f8", lambda g: struct.pack("<d", g))
write("few.npy", [g if i > 4 else 7 for i, g in enumerate(of)], "<i4", lambda g: struct.pack("<i", g))
open("lines.txt", "w").write("".join(groups[g] + "\n" for g in of))
rows = list(enumerate(of)); random.shuffle(rows)
open("rows.tsv", "w").write("row\tgroup\n" + "".join("%d\t%s\r\n" % (i, groups[g]) for i, g in rows))
open("less.tsv", "w").write("row\tgroup\n" + "".join("%d\t%s\n" % (i, g) for i, g in rows[:100]))
open("twice.tsv", "w").write("row\tgroup\n3\ta\n3\tb\n")
open("far.tsv", "w").write("row\tgroup\n150\ta\n")
open("headless.tsv", "w").write("0\ta\n1\tb\n")
open("ids.tsv", "w").write("id\tgroup\nx\ta\n")
open("ten.txt", "w").write("a\n" * 10)
# the group "wide" alone
wide = [i for i, g in enumerate(of) if g == 0]
write("wide_img.npy", [image[i] for i in wide], "<f8", floats)
write("wide_txt.npy", [text[i] for i in wide], "<f8", floats)
END

# every way to say the groups gives the same numbers, those of the rows alone
fine audit wide_img.npy wide_txt.npy --json
mv out alone.json
for by in "--by group.npy" "--by word.npy" "--by-file lines.txt" "--by-file rows.tsv"; do
  # shellcheck disable=SC2086
  fine audit img.npy txt.npy $by --json
  /usr/bin/python3 - "$by" <<'END' || complain "groups of $by"
import json, sys
report, alone = json.load(open("out")), json.load(open("alone.json"))
g = report["groups"]
assert [x["n"] for x in g["groups"]][0] == 60 and sorted(x["n"] for x in g["groups"]) == [40, 50, 60], g
names = ["0", "1", "2"] if "group.npy" in sys.argv[1] else ["wide", "two words", "b<&\u00e9"]
assert sorted(x["name"] for x in g["groups"]) == sorted(names), g
first = g["groups"][0]
assert first["name"] == names[0] and first["marked"] and first["p_holm"] < 1e-6 and first["texts"] == 60, first
assert first["corrected_distance"] == alone["gap"]["corrected_distance"], first
assert first["mean_squared_distance"] == alone["alignment"]["mean_squared_distance"]
assert first["uniformity"] == {k: alone["uniformity"][k] for k in ("image", "text")}
assert [x["marked"] for x in g["groups"][1:]] == [False, False], g
assert g["left_out"] == {"count": 0, "rows": 0} and g["paradox"] is None
assert "1 of 3 groups differs from the rest" in g["sentences"][0], g["sentences"]
END
done

# the forms
fine audit img.npy txt.npy --by word.npy
want_text out "Groups by word.npy" "1 of 3 groups differs" "* wide" "  two words" "differs from the rest after Holm's correction"
fine audit img.npy txt.npy --by word.npy --csv
want_text out "groups.wide.corrected_distance,0." "groups.two words.uniformity.text,-"
fine audit img.npy txt.npy --by word.npy --markdown
want_text out "| group | n | corrected distance | 95 % interval |" "| wide | 60 |"
fine audit img.npy txt.npy --by word.npy --latex
want_text out '\toprule' 'two words & 50 &'
fine audit image=img.npy caption=txt.npy --by word.npy --markdown
want_text out "recall@1, image to caption" "uniformity, caption"
fine audit img.npy txt.npy --by few.npy
want_text out "1 group of fewer than 20 rows, 5 rows in all, was not measured"

# a folder, and one without groups over it
fine audit img.npy txt.npy --by word.npy -o report --quiet
want_file report/groups.tsv report/figures/groups.tsv report/figures/groups.gp
want_text report/report.html 'id="groups"' "b&lt;&amp;é" "1 of 3 groups differs"
runs sh -c "wc -l <report/groups.tsv"
want_line out 4
fine audit img.npy txt.npy -o report --quiet
want_absent report/groups.tsv report/figures/groups.tsv report/figures/groups.svg

# in HDF5, with several texts per image, class names, shards and rows that are spilled
fine simulate -o sim.h5 --n 240 --d 8 --captions 2 --classes 3 --seed 1 --quiet
fine audit sim.h5 --by labels --json
mv out one.json
/usr/bin/python3 - <<'END' || complain "groups of labels"
import json
g = json.load(open("one.json"))["groups"]
assert sum(x["n"] for x in g["groups"]) == 240 and all(x["texts"] == 2 * x["n"] for x in g["groups"]), g
END

if /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then
  works /usr/bin/python3 "$here/report_schema.py" "$CONTRAGAP_SOURCE/src/report/report.schema.json" one.json
fi

# rows that do not fit into the limit are spilled: the same numbers
fine simulate -o wide.h5 --n 12000 --d 256 --classes 6 --seed 2 --quiet --dtype float64
for memory in 140M 4G; do
  fine audit wide.h5 --by labels --pairs sampled --sample-rows 300 --memory $memory --threads 2 --json --quiet
  /usr/bin/python3 -c 'import json; print(json.load(open("out"))["groups"]["groups"])' >$memory.txt
done
works cmp 140M.txt 4G.txt

# what is refused: both numbers, what to do
refused 4 "short.npy: 140 groups|img.npy has 150 rows|--by" audit img.npy txt.npy --by short.npy
refused 4 "half.npy: float64 of shape (150,), entry 0|correct it or write integers" audit img.npy txt.npy --by half.npy
refused 4 "txt.npy: float64 of shape (150, 8); the groups are one integer or word per image" audit img.npy txt.npy --by txt.npy
refused 3 "nothing.npy" audit img.npy txt.npy --by nothing.npy
refused 3 "no dataset /nothing for --by|/labels" audit sim.h5 --by nothing
refused 3 "nothing.tsv: cannot be read" audit img.npy txt.npy --by-file nothing.tsv
refused 4 "ten.txt: 10 lines, img.npy has 150 rows" audit img.npy txt.npy --by-file ten.txt
refused 4 "less.tsv: groups of 100 images, img.npy has 150 rows" audit img.npy txt.npy --by-file less.tsv
refused 4 "twice.tsv: line 3: 3 has a group on an earlier line" audit img.npy txt.npy --by-file twice.tsv
refused 4 "far.tsv: line 2: 150 is no row of img.npy, which has 150 rows" audit img.npy txt.npy --by-file far.tsv
refused 4 "headless.tsv: two columns without the head" audit img.npy txt.npy --by-file headless.tsv
refused 4 "ids.tsv: its head says id, and img.npy has no ids" audit img.npy txt.npy --by-file ids.tsv
refused 2 "--by and --by-file both give the groups" audit img.npy txt.npy --by group.npy --by-file lines.txt
refused 4 "groups need images paired with texts|--unpaired" audit img.npy txt.npy --by group.npy --unpaired

finish
