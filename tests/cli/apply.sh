# apply: the layout of the input, the rows of the head; what it refuses.
. "$(dirname "$0")/lib.sh"

run simulate --model clip --n 100 --d 24 --captions 2 --classes 5 --seed 1 -o pairs.h5 --quiet
run simulate --model clip --n 60 --d 16 --seed 1 -o other.h5 --quiet
run simulate --model clip --n 101 --d 24 --seed 1 -o others.h5 --quiet
fine train pairs.h5 -o closed --head linear --dim 12 --epochs 2 --quiet

fine apply closed/head.h5 pairs.h5 -o out.h5
cp err said
fine info out.h5 --json
want_text out '"dim": 12' '/class_text' '/labels' '/arithmetic/query'
fine audit out.h5 --json
want_text out '"zero_shot"' '"arithmetic"'

# the rows that the head was trained on are said, wherever they go
want_text said "70 of these 100 images trained the head"
run info out.h5
want_text out "trained on 70 of 100 images"
fine compare pairs.h5 out.h5
tr '\n' ' ' <out >line
want_text line "The head behind out.h5 was trained on 70 of 100 images of it"
fine audit out.h5 -o audited --quiet
run compare pairs.h5 audited --json
want_text out '"trained_on": "70 of 100 images"' '"trained_on": null'
fine apply --method center out.h5 -o twice.h5
run info twice.h5
want_text out "trained on 70 of 100 images"
fine apply closed/head.h5 others.h5 -o through.h5
run info through.h5
cp out line
runs grep "trained on" line
want_rc 1

# the folder of the training is its head
fine apply closed pairs.h5 -o by-folder.h5
works cmp out.h5 by-folder.h5

# each method; a factor; fitted on another file
for method in center shift whiten procrustes cca; do
  fine apply --method $method pairs.h5 -o $method.h5
  fine audit $method.h5 --fail-if 'gap.centroid_distance>0.3'
done
run apply --method shift --factor 0 pairs.h5 -o still.h5 --quiet
fine audit still.h5 --fail-if 'gap.centroid_distance<0.5'
fine apply --method center --fit pairs.h5 pairs.h5 -o fitted.h5
works cmp center.h5 fitted.h5

# --fit takes another file's rows though the options name those of the first
refused 4 "the head takes 24" apply --method center --fit pairs.h5 --image other.h5:/image --text other.h5:/text -o strange.h5
run simulate --model clip --n 90 --d 24 --seed 7 -o more.h5 --quiet
fine apply --method center --fit more.h5 pairs.h5 -o by-name.h5 --quiet
fine apply --method center --fit more.h5 --image pairs.h5:/image --text pairs.h5:/text pairs.h5 -o by-path.h5 --quiet
works cmp by-name.h5 by-path.h5
runs cmp center.h5 by-path.h5
want_rc 1

# shards become one file, and what has no place in it is said
fine apply --method center pairs.h5 pairs.h5 -o shards.h5
want_text err "left out" "/arithmetic/words"
run info shards.h5 --json
want_text out '"rows": 200'

# --memory changes how many rows are passed at once, and nothing else
run simulate --model clip --n 5000 --d 256 -o many.h5 --quiet
fine apply --method center many.h5 -o at-once.h5
fine apply --method center many.h5 -o by-blocks.h5 --memory 62M
works cmp at-once.h5 by-blocks.h5

# files that are called as parts of the output, or nearly so, and are not: they stay
/usr/bin/python3 - <<'END' || exit 99
import h5py
with h5py.File("pairs.h5") as f:
    image, text = f["image"][()], f["text"][()]
names = ("q.part-image-from-camera.h5", "q.part-1-of-1.h5", "q.part-1-of-1.h5x.h5")
for name in names:
    with h5py.File(name, "w") as f:
        f["image"], f["text"] = image, text
        f.attrs["contragap_part"] = "1 of 1 of other.h5" # not of q.h5
for view in ("q.h5", "view.h5"):
    with h5py.File(view, "w") as f:
        f.attrs["contragap_parts"] = "1 of " + view
        for source, (name, rows) in zip(names, (("image", image), ("text", text), ("more", text))):
            layout = h5py.VirtualLayout(shape=rows.shape, dtype=rows.dtype)
            layout[...] = h5py.VirtualSource(source, "image" if name == "image" else "text", shape=rows.shape)
            f.create_virtual_dataset(name, layout)
END
run apply --method center pairs.h5 -o q.h5 # which apply did not write
want_rc 3
want_line err "q.h5" "--force"
fine apply --method center pairs.h5 -o q.h5 --force
want_file q.part-image-from-camera.h5 q.part-1-of-1.h5 q.part-1-of-1.h5x.h5
fine audit view.h5
run audit q.part-1-of-1.h5 # which holds a part of what other.h5 holds
want_rc 0
want_line err "warning: q.part-1-of-1.h5: is part 1 of 1 of other.h5; the rows of the other parts are not in it"
run audit q.part-1-of-1.h5 q.part-1-of-1.h5x.h5 # all of them are no part
want_rc 0
[ ! -s err ] || complain "said of several parts: $(cat err)"

# virtual datasets: the sources of all of them are open together, and there has to be room for that
/usr/bin/python3 - <<'END' || exit 99
import h5py, numpy as np
random = np.random.default_rng(1)
def spread(out, name, files, **options):
    layout = h5py.VirtualLayout(shape=(3 * files, 8), dtype="f4", **options)
    for k in range(files):
        with h5py.File(f"{name}-{k}.h5", "w") as f:
            f["rows"] = random.standard_normal((3, 8)).astype("f4")
        layout[3 * k:3 * k + 3] = h5py.VirtualSource(f"{name}-{k}.h5", "rows", shape=(3, 8))
    out.create_virtual_dataset(name, layout)
with h5py.File("wide.h5", "w") as f:
    spread(f, "image", 40)
    spread(f, "text", 40)
with h5py.File("grows.h5", "w") as source, h5py.File("growing.h5", "w", libver="latest") as f:
    source.create_dataset("rows", data=random.standard_normal((30, 8)), maxshape=(None, 8))
    layout = h5py.VirtualLayout(shape=(30, 8), maxshape=(None, 8), dtype="f8")
    layout[:h5py.h5s.UNLIMITED, :] = h5py.VirtualSource(source["rows"])[:h5py.h5s.UNLIMITED, :]
    f.create_virtual_dataset("image", layout)
    f["text"] = source["rows"][()][::-1]
with h5py.File("beside.h5", "w") as f:
    f["text"] = random.standard_normal((120, 8)).astype("f4")
    spread(f, "image", 40)
    spread(f, "rest", 40)
END
run apply --method center growing.h5 -o grown.h5 # may grow with its source
want_rc 0
want_text err "60 rows"
limited() { # limited "ULIMIT OPTIONS" ARGS…
  limits=$1
  shift
  # shellcheck disable=SC2016
  runs sh -c 'ulimit '"$limits"'; exec "$0" "$@"' "$CONTRAGAP" "$@"
}
fine audit wide.h5
cp out enough
for command in "audit wide.h5" "audit wide.h5 --unpaired --drop-bad" "apply --method center wide.h5 -o none.h5"; do
  # shellcheck disable=SC2086
  limited "-n 80" $command
  want_rc 3
  want_line err "wide.h5: virtual datasets over 80 files, and 80 may be open at once" "ulimit -n 112"
done
limited "-n 80" audit beside.h5
want_rc 0
limited "-n 80" apply --method center beside.h5 -o none.h5 # which takes the rest along
want_rc 3
want_line err "beside.h5: virtual datasets over 80 files"
want_absent none.h5
limited "-S -n 80" audit wide.h5 # the program asks for what the hard limit allows
want_rc 0
cp out soft
works cmp soft enough

# datasets of groups in groups, each once, with the attributes of each; two runs write the same bytes
/usr/bin/python3 - <<'END' || exit 99
import h5py
with h5py.File("wide.h5", "r+") as f:
    f["deep/er/labels"] = list(range(120))
    f["deep/er/more"] = [1, 2]
    f["deep/other"] = [3]
    f["else/where/again"] = f["deep/other"] # the same dataset, alone in its groups
    for name in "/", "deep", "deep/er", "deep/er/more", "image":
        f[name].attrs["says"] = name
END
fine apply --method center wide.h5 -o deep.h5
sleep 1.1 # times in a file are in seconds
run apply --method center wide.h5 -o deep-again.h5
works cmp deep.h5 deep-again.h5
checks=$((checks + 1))
/usr/bin/python3 - <<'END' || complain "attributes or datasets are missing in deep.h5"
import h5py
with h5py.File("deep.h5") as f:
    assert not f["image"].is_virtual and list(f["deep/er/labels"]) == list(range(120)) and f["deep/other"][0] == 3
    for name in "/", "deep", "deep/er", "deep/er/more", "image":
        assert f[name].attrs["says"] == name, name
END

# refusals

# one modality alone: through a head, and through a method fitted on it
/usr/bin/python3 - <<'END' || exit 99
import h5py, numpy as np
with h5py.File("pairs.h5") as f:
    image, text = f["image"][()], f["text"][()].reshape(-1, 24)
np.save("new_img.npy", image[:7])
np.save("new_txt.npy", text[:9])
np.save("rows.npy", image[:7])
np.savez("odd.npz", image=image[:7], rows=text[:7])
with h5py.File("new_images.h5", "w") as f:
    f["image"], f["image_id"] = image[:7], np.arange(7)
END
fine apply closed/head.h5 pairs.h5 -o whole.h5
lone() { # lone NAME ROWS ARGS…: apply ARGS… writes the dataset NAME alone
  name=$1
  rows=$2
  shift 2
  fine apply "$@" -o alone.h5
  checks=$((checks + 1))
  /usr/bin/python3 - "$name" "$rows" <<'END' || complain "alone.h5 holds something else"
import sys, h5py, numpy as np
name, rows = sys.argv[1], int(sys.argv[2])
with h5py.File("alone.h5") as f, h5py.File("whole.h5") as whole:
    assert [key for key in f if key in ("image", "text")] == [name], list(f)
    want = whole[name][()].reshape(-1, f[name].shape[1])[:rows]
    assert f[name].shape == want.shape and abs(f[name][()] - want).max() < 1e-6 # products of other sizes round otherwise
END
}
lone image 7 closed --image new_img.npy
lone image 7 closed/head.h5 new_img.npy
lone text 9 closed --text new_txt.npy
lone text 9 closed new_txt.npy
lone image 7 closed new_images.h5
fine apply --method center pairs.h5 -o whole.h5
lone image 7 --method center --fit pairs.h5 new_img.npy
lone text 9 --method center --fit pairs.h5 --text new_txt.npy
for method in center whiten; do
  fine apply --method $method --image new_img.npy -o alone.h5
done
run apply --method center --image new_img.npy -o alone.h5
checks=$((checks + 1))
/usr/bin/python3 - <<'END' || complain "the mean of the images is not what went"
import h5py, numpy as np
x = np.load("new_img.npy").astype("f8")
x /= np.linalg.norm(x, axis=1, keepdims=True)
x -= x.mean(0)
x /= np.linalg.norm(x, axis=1, keepdims=True)
with h5py.File("alone.h5") as f:
    assert list(f) == ["image"] and abs(f["image"][()] - x).max() < 1e-5
END

refuse() {
  want=$1
  word=$2
  shift 2
  run apply "$@"
  want_rc "$want"
  want_line err "$word"
  want_absent refused.h5
}
refuse 4 "24" closed/head.h5 other.h5 -o refused.h5
refuse 3 "not a head" pairs.h5 pairs.h5 -o refused.h5
mkdir empty
refuse 3 "empty: the folder has no head.h5" empty pairs.h5 -o refused.h5
refuse 3 "missing.h5" missing.h5 pairs.h5 -o refused.h5
refuse 2 "-o OUT.h5" closed/head.h5 pairs.h5
refuse 2 "HEAD and FILE" pairs.h5 -o refused.h5
refuse 2 "input itself" --method center pairs.h5 -o pairs.h5
cp closed/head.h5 head.before
for head in closed/head.h5 closed; do
  refuse 2 "closed/head.h5: this command reads it" $head pairs.h5 -o closed/head.h5
done
cmp -s closed/head.h5 head.before || complain "the head is another one"
refuse 2 "-o y/: a file is written" closed/head.h5 pairs.h5 -o y/
refuse 5 "--memory allows 20M; give --memory" --method center pairs.h5 -o refused.h5 --memory 20M
refuse 5 "--memory allows 20M; give --memory" closed/head.h5 pairs.h5 -o refused.h5 --memory 20M
head -c 3000 closed/head.h5 >cut.h5
refuse 3 "cut.h5" cut.h5 pairs.h5 -o refused.h5
refuse 2 "--factor 0: the shrinkage of cca" --method cca --factor 0 pairs.h5 -o refused.h5
refuse 3 "cca is fitted on pairs" --method cca --image new_img.npy -o refused.h5
refuse 3 "procrustes is fitted on pairs" --method procrustes --image new_img.npy -o refused.h5
refuse 3 "new_img.npy: no texts to fit the method on" --method center --fit new_img.npy --text new_txt.npy -o refused.h5
refuse 3 "no dataset can be the text" closed odd.npz -o refused.h5 # its other rows would be left as they are
refuse 3 "--image and --text" closed rows.npy -o refused.h5
finish
