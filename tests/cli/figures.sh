# The figures: a picture has the points, curves and words that its table asks for, whatever the gnuplot.
. "$(dirname "$0")/lib.sh"
command -v gnuplot >/dev/null 2>&1 || skip "gnuplot is not installed"

mkdir -p report/figures
cp "$here"/figures/*.tsv report/figures/
fine plot report --quiet
for figure in scatter cosines variance dimensions recall plane; do
  want_file "report/figures/$figure.svg" "report/figures/$figure.gp"
done

# count WORDS FILE: how often they stand there
want_count() {
  checks=$((checks + 1))
  found=$(grep -oF -e "$2" "$3" | wc -l)
  [ "$found" -eq "$1" ] || complain "$found times \"$2\" in $3, not $1"
}
cd report/figures || exit 99
# 40 images, 80 texts: a mark for each line of the table, one in the key, one centroid
want_count 82 "xlink:href='#gpPt6' transform" scatter.svg
want_count 82 "xlink:href='#gpPt8' transform" scatter.svg
want_text scatter.svg "Images and texts on the two main axes" "corrected distance 0.8" "golden.h5: 40 images, 80 texts, d = 12" \
  "first principal component (" ">centroids<" ">pair<"
want_text cosines.svg ">matched pairs<" ">non-matching pairs<" ">images<" ">texts<" "mean cosine" ">cosine<" "share of pairs per bin"
want_count 8 'id="gnuplot_plot_' cosines.svg
want_text variance.svg ">uniform<" ">joint<" ">image<" ">text<" "number of components" "participation ratio"
want_text dimensions.svg "larger in images" "larger in texts" "coordinate (from 0)" "of the squared centroid distance" "golden.h5"
want_text recall.svg ">by chance<" ">image to text<" ">text to image<" "recall@1"
want_count 19 "xlink:href='#gpPt6' transform" recall.svg
want_text plane.svg ">this file<" ">CLIP (paper, d 128)<" ">uniform sphere<" "alignment 1."
want_count 3 "xlink:href='#gpPt5' transform" plane.svg
cd "$work" || exit 99

# those of train, race and sweep, from tables of simulated data
mkdir -p trained/figures
cp "$here"/figures/trained/*.tsv trained/figures/
fine plot trained --quiet
# FIGURE CURVES: gnuplot's plots in it, a curve, a cloud of points or a key each
while read -r figure curves; do
  want_file "trained/figures/$figure.svg"
  want_text "trained/figures/$figure.svg" "golden.h5"
  want_count "$curves" 'id="gnuplot_plot_' "trained/figures/$figure.svg"
done <<'FIGURES'
history 26
race 33
map 3
sweep-dim 27
sweep-temperature 27
scatter_before_after 15
cosines_before_after 16
variance_before_after 7
dimensions_before_after 8
FIGURES

# formats, sizes, themes
fine plot report --format png,pdf --size 400,300 --theme dark --only plane
want_text err "plane.png" "plane.pdf"
want_file report/figures/plane.png report/figures/plane.pdf
runs sh -c 'od -An -tu1 -j16 -N8 report/figures/plane.png | tr -s " "'
want_line out " 0 0 1 144 0 0 1 44"
want_absent report/figures/scatter.png
fine plot report/figures --list
want_text out "scatter" "Recall at k"
fine plot report --only cosines --terminal
want_text out "pairs" "cosine" "mean cosine"
fine plot report --terminal
for title in "Cosines of" "coordinate by coordinate" "Recall at k" "two main axes" "Variance of"; do
  want_text out "$title"
done
checks=$((checks + 1))
if LC_ALL=C grep -q "[^ -~]" out; then
  complain "more than ASCII without UTF-8:" "$(cat out)"
fi
LC_ALL=C.UTF-8 run plot report --only scatter --terminal
want_rc 0
want_text out "o image  × text" "┤" "└"
LC_ALL=C.UTF-8 run plot report --only variance --terminal
braille=$(printf '\342\240')
want_text out "$braille"
fine plot report --only scatter --format svg
want_text err "contragap: wrote report/figures: 1 figure as svg"

# a restyled script is the user's: it is drawn as it lies there
sed 's/"Recall at k"/"My own title"/' report/figures/recall.gp >changed && mv changed report/figures/recall.gp
fine plot report --only recall --quiet
want_text report/figures/recall.svg "My own title"
mkdir mine
cp report/figures/recall.gp mine/
run simulate -o small.h5 --model clip --n 30 --d 8 --quiet
CONTRAGAP_PLOTS="$work/mine"
export CONTRAGAP_PLOTS
fine audit small.h5 -o restyled --quiet
want_text restyled/figures/recall.svg "My own title"
unset CONTRAGAP_PLOTS

# a figure that fails: said in one line, no empty file, the others are drawn
rm -f report/figures/*.svg
head -n 1 "$here/figures/variance.tsv" >report/figures/variance.tsv
refused 3 "variance.gp: gnuplot failed" plot report --quiet
want_absent report/figures/variance.svg
want_file report/figures/scatter.svg report/figures/recall.svg
runs sh -c 'ls -A report/figures | grep tmp'
want_rc 1

refused 2 "did you mean cosines?" plot report --only cosine
refused 2 "takes svg, png, pdf" plot report --format gif
refused 2 "needs WIDTH,HEIGHT" plot report --size 10
refused 2 "did you mean dark?" plot report --theme drak
refused 2 "no DIR given" plot
refused 3 "cannot be opened" plot nowhere
mkdir hollow
refused 3 "holds no table" plot hollow

# no gnuplot
mkdir empty
last="plot without gnuplot"
rc=0
PATH="$work/empty" "$CONTRAGAP" plot report >out 2>err || rc=$?
want_rc 2
want_line err "gnuplot is not installed"

finish
