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
# 40 images, 80 texts: a mark for each line of the table, two in the key that is not shown, one centroid
want_count 81 "xlink:href='#gpPt6' transform" scatter.svg
want_count 81 "xlink:href='#gpPt8' transform" scatter.svg
want_text scatter.svg "Images and texts on the two main axes" "corrected distance 0.8" "golden.h5: 40 images, 80 texts, d = 12" \
  "first principal component (" ">images<" ">texts<" "lines join pairs"
want_text cosines.svg ">matched pairs<" ">non-matching pairs<" ">images<" ">texts<" "mean cosine" ">cosine<" "share of pairs per bin"
want_count 8 'id="gnuplot_plot_' cosines.svg
want_text variance.svg ">uniform<" ">joint<" ">images<" ">texts<" "number of components" "participation ratio"
want_text dimensions.svg "larger in images" "larger in texts" "coordinate (from 0)" "golden.h5" \
  "coordinates 1 and 5 hold 54.2 % of the squared centroid distance" ">1: 35.2 %<" ">5: 19.0 %<"
want_text recall.svg ">by chance<" ">image to text<" ">text to image<" "recall@1" ">0.30<" ">0.31<" ">0.78<" ">0.75<"
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
history 48
race 60
map 3
sweep-dim 40
sweep-loss 15
one_index 4
confusion 2
who_loses 3
scatter_before_after 10
cosines_before_after 16
variance_before_after 9
dimensions_before_after 8
FIGURES
want_text trained/figures/variance_before_after.svg ">joint<" ">5.9 → 7.4<" ">before<" ">after<" ">uniform<"
want_text trained/figures/cosines_before_after.svg ">before: mean " ">after: mean " ">matched pairs<"
want_text trained/figures/dimensions_before_after.svg ">before: distance 0.865; coordinates "

# words are inside the picture and not on top of each other, also where a modality has a long name and at the size of a page
mkdir -p named/figures
for figure in scatter cosines variance dimensions recall plane; do
  sed 's/^# file/# image_word\tradiograph\n# images_word\tradiograph rows\n# texts_word\tfindings of the reports\n&/' \
    report/figures/$figure.tsv >named/figures/$figure.tsv
  cp report/figures/$figure.gp report/figures/style.gp report/figures/labels.gp named/figures/
  fine plot named --quiet --only $figure --size 640,460
done
if command -v python3 >/dev/null 2>&1; then
  works python3 "$here/figure_words.py" report/figures/*.svg named/figures/*.svg trained/figures/*_before_after.svg
fi

# one class that loses one image, and a measure in steps of 2e-09, which gnuplot's real() does not read
mkdir -p rare/figures
printf '%s\t%s\t%s\t%s\t%s\n' class into column row images mine 'air port' 1 1 1 >rare/figures/confusion.tsv
printf '# %s\t%s\n' row_1 mine column_1 'air port' lost_1 '1 of 9' rows 1 columns 1 >>rare/figures/confusion.tsv
printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' panel input x value low high marked loss a 1 3e-15 NA NA 0 loss b 2 5e-09 NA NA 0 >rare/figures/series.tsv
printf '# %s\t%s\n' panel_1 loss step_1 2e-09 panels 1 inputs 2 input_1 a input_2 b >>rare/figures/series.tsv
fine plot rare --quiet
want_count 1 ">1 of 9<" rare/figures/confusion.svg
want_text rare/figures/series.svg ">4e−09<"

# direct names, the epoch that was kept, lines across panels, names of an option, cells
cd trained/figures || exit 99
want_count 2 "<text>epoch 5 kept<" history.svg
want_count 1 "<text>noise floor<" history.svg
want_count 5 "<text>training<" history.svg
want_count 6 "<text>validation<" history.svg
want_count 5 "<text>before<" race.svg
want_count 2 "<text>epoch 6 kept<" race.svg
for loss in clip cua cuaxu; do
  want_count 5 "<text>$loss<" race.svg
done
want_count 2 ">cua<" sweep-loss.svg
want_count 2 ">clip<" sweep-loss.svg
want_count 1 ">best<" map.svg
want_text one_index.svg "nDCG@10: image queries 0.018 → 0.000" ">before<" ">after<" ">image queries<" ">text queries<"
want_text confusion.svg ">from<" ">into<" ">air port<" ">5 of 23<" ">1 of 10<" "6 images lose their class, 4 find it"
# a circle where a query is as good or better, a triangle where it is worse, and those of the key
circles=$(grep -c -e "	same	" -e "	better	" who_loses.tsv)
want_count $((circles + 2)) "xlink:href='#gpPt5' transform" who_loses.svg
want_count $(($(grep -c "	worse	" who_loses.tsv) + 1)) "xlink:href='#gpPt8' transform" who_loses.svg
# the numbers of the x axis stand below the last panels alone, and the kept epoch between them
cat >places.awk <<'AWK'
match($0, /translate\([0-9.]+,[0-9.]+\)/) { split(substr($0, RSTART + 10, RLENGTH - 11), at, ",") }
/<text>/ { text = $0; gsub(/<[^>]*>|[ \t]/, "", text) }
/<text>/ && text == "4" { fours++; four = at[1] }
/<text>/ && text == "6" { six = at[1] }
/<text>/ && text == "epoch5kept" { kept = at[1] }
END { exit !(fours == 2 && six > four && (kept - (four + six) / 2) ^ 2 < 4) }
AWK
works awk -f places.awk history.svg
sed 's/^# kept_\(.\)	5/# kept_\1	7/' history.tsv >moved.tsv
works gnuplot -c history.gp moved.tsv moved.svg
runs awk -f places.awk moved.svg
want_rc 1
cd "$work" || exit 99

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
for figure in history race sweep-loss one_index confusion who_loses map; do
  fine plot trained --only "$figure" --terminal
done
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

# one gnuplot draws all figures of a folder, each with the bytes of one by a gnuplot of its own
mkdir -p counted together/figures
cat >counted/gnuplot <<COUNTED
#!/bin/sh
echo start >>"$work/starts"
exec $(command -v gnuplot) "\$@"
COUNTED
chmod +x counted/gnuplot
path=$PATH
PATH=$work/counted:$PATH
cp "$here"/figures/*.tsv "$here"/figures/trained/*.tsv together/figures/
fine plot together --quiet
checks=$((checks + 1))
[ "$(wc -l <starts)" -eq 1 ] || complain "$(wc -l <starts) starts of gnuplot for one folder"
fine plot together --quiet --format png --only cosines --only recall --only scatter
cd together/figures || exit 99
for figure in cosines recall scatter; do
  works gnuplot -d -c "$figure.gp" "$figure.tsv" alone.png light
  works cmp "$figure.png" alone.png
done
for table in *.tsv; do
  figure=${table%.tsv}
  works gnuplot -d -c "$figure.gp" "$table" alone.svg light
  works cmp "$figure.svg" alone.svg
done
cd "$work" || exit 99
# a script that is not the program's own could leave anything: each figure has its gnuplot
echo 'set linetype 1 linewidth 9' >>together/figures/labels.gp
rm -f starts
fine plot together --quiet --only scatter --only cosines --only plane
checks=$((checks + 1))
[ "$(wc -l <starts)" -eq 3 ] || complain "$(wc -l <starts) starts of gnuplot for three figures with a script of the user's"
PATH=$path

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
