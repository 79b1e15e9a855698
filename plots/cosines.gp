# How alike rows are: cosines of matched pairs, of non-matching pairs, and within each modality.
call "style.gp" "cosines" ARG1 ARG2 ARG3 ARG4
paired = number_from(meta("total_pair")) > 0
spaces = meta("spaces") # "one modality", or "two" whose widths differ: none across
headline_title = strlen(spaces) ? (spaces eq "two" ? "Cosines within each modality" : "Cosines within the modality") : paired ? "Cosines of matched and of other pairs" : "Cosines between the modalities and within each"
headline_shown = "mean cosine ".meta("means")
eval headline
set xlabel "cosine" textcolor rgb ink
set ylabel "share of pairs per bin of 0.01" textcolor rgb ink offset 0.8,0
set format y "%g"

# columns: low high pair cross image text (counts)
total(column) = number_from(meta("total_".column))
low_edge = number_from(meta("first")); high_edge = number_from(meta("last"))
# in a column of a paper words are short, and take more of the width
pad = (high_edge - low_edge) * (narrow ? 0.14 : 0.06) + 0.01
set xrange [low_edge - pad : high_edge + pad]
# a curve begins and ends where its pairs do
share(count, name) = total(name) > 0 && $1 > number_from(meta("first_".name)) - 0.015 && $1 < number_from(meta("last_".name)) + 0.005 ? count / total(name) : NaN
# letters cannot shade, and seams show between the steps of TikZ
filled(count, name) = dumb || tex ? NaN : share(count, name)
set linetype 1 linecolor rgb c_cross linewidth 1.6 dashtype (3,2)
set linetype 2 linecolor rgb c_image linewidth 1.6 dashtype 1
set linetype 3 linecolor rgb c_text linewidth 1.6 dashtype (12,4)
set linetype 4 linecolor rgb c_pair linewidth 2.4 dashtype 1
cross_name = strlen(spaces) ? "" : paired ? (narrow ? "non-matching" : "non-matching pairs") : "between the two"
text_name = spaces eq "one modality" ? "" : texts_word
pair_name = paired ? (narrow ? "matched" : "matched pairs") : ""

top = 0
highest(y) = (top = (y > top ? y : top), 1)
stats table skip 1 using (highest(share($3, "pair")) + highest(share($4, "cross")) + highest(share($5, "image")) + highest(share($6, "text"))) nooutput
# names stand above the curves
top = (top > 0 ? top : 1) * (dumb ? 1.05 : 1.16)
set yrange [0:top]
eval no_key
if (!dumb) {
  call "labels.gp" "begin"
  curve_below = 0; curve_top = 150
  curve_name[1] = pair_name;  curve_word[1] = w_pair
  curve_name[2] = cross_name; curve_word[2] = w_cross
  curve_name[3] = images_word; curve_word[3] = w_image
  curve_name[4] = text_name;  curve_word[4] = w_text
  along(x) = (x - low_edge + pad) / (high_edge - low_edge + 2 * pad)
  at(c, y) = curve_at(c, along(($1 + $2) / 2), y / top)
  stats table skip 1 using (at(1, share($3, "pair")) + at(2, share($4, "cross")) + at(3, share($5, "image")) + at(4, share($6, "text"))) nooutput
  call "labels.gp" "place"
}
plot table skip 1 using 1:(filled($4, "cross")) with fillsteps linetype 1 notitle, \
     '' skip 1 using 1:(filled($5, "image")) with fillsteps linetype 2 notitle, \
     '' skip 1 using 1:(filled($6, "text")) with fillsteps linetype 3 notitle, \
     '' skip 1 using 1:(paired ? filled($3, "pair") : NaN) with fillsteps linetype 4 notitle, \
     '' skip 1 using 1:(share($4, "cross")) with steps linetype 1 title cross_name, \
     '' skip 1 using 1:(share($5, "image")) with steps linetype 2 title images_word, \
     '' skip 1 using 1:(share($6, "text")) with steps linetype 3 title text_name, \
     '' skip 1 using 1:(paired ? share($3, "pair") : NaN) with steps linetype 4 title pair_name
