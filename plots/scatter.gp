# The pooled rows on two axes: paired ones on their first two principal components, with a segment from an image to its
# text; unpaired sets along the gap.
call "style.gp" "scatter" ARG1 ARG2 ARG3 ARG4
headline_title = Images_word." and ".texts_word.(along_gap ? " along the gap" : " on the two main axes")
headline_shown = "corrected distance ".meta("corrected_distance").(strlen(meta("note")) ? "; ".meta("note") : "")
# at most 300 segments
pairs = number_from(meta("pairs"))
step = pairs > 300 ? int(ceil(pairs / 300)) : 1
joined = step > 1 ? sprintf("; lines: 1 pair in %d", step) : "; lines join pairs"
if (pairs > 0 && !dumb && 7.0 * strlen(headline_shown.joined) < width - 30) { headline_shown = headline_shown.joined }
eval headline
set xlabel component(1) textcolor rgb ink
set ylabel component(2) textcolor rgb ink offset 1,0
if (!dumb) { set grid xtics ytics }
eval no_key
# columns: image image_x image_y text text_x text_y cosine
# one unit is as long on both axes: the range that has room to spare is widened
stats table skip 1 using 2 name "A" nooutput
stats table skip 1 using 5 name "B" nooutput
stats table skip 1 using 3 name "C" nooutput
stats table skip 1 using 6 name "D" nooutput
low(a, b) = a < b ? a : b
high(a, b) = a > b ? a : b
x_mid = (low(A_min, B_min) + high(A_max, B_max)) / 2; x_half = (high(A_max, B_max) - low(A_min, B_min)) * 0.53
y_mid = (low(C_min, D_min) + high(C_max, D_max)) / 2; y_half = (high(C_max, D_max) - low(C_min, D_min)) * 0.53
# names stand above the clouds
names_height = dumb ? 0 : 22.0
unit = high(high(x_half / plot_width, y_half / (plot_height - names_height)), 1e-6)
x_low = x_mid - unit * plot_width
y_low = y_mid - unit * (plot_height - names_height)
set xrange [x_low : x_low + 2 * unit * plot_width]
set yrange [y_low : y_low + 2 * unit * plot_height]
ix = number_from(meta("image_centroid_x")); iy = number_from(meta("image_centroid_y"))
tx = number_from(meta("text_centroid_x"));  ty = number_from(meta("text_centroid_y"))
# and image_name text_name where the rows have names
named = strlen(meta("named"))
tell(what, row, cosine, name) = sprintf("%s row %s", what, row).((cosine eq "NA" || cosine eq "") ? "" : sprintf(", cosine of the pair %.3f", number_from(cosine))).(strlen(name) ? ": ".name : "")
# the text’s mark is the smaller one, so that an image’s shows where both lie on one spot
point_size = kind eq "svg" ? 0.38 : 0.5
set style line 1 linecolor rgb c_image pointtype 7 pointsize 1.2*point_size
# but a few among many are to be seen
few = number_from(meta("texts")) < 50 && number_from(meta("images")) > 4 * number_from(meta("texts"))
set style line 2 linecolor rgb c_text pointtype 9 pointsize (few ? 2.4 : 1.1)*point_size
seg = (pairs > 100 ? "#c0" : "#98").soft[2:7]
pair_word = pairs == 0 ? "" : step > 1 ? sprintf("pair (1 in %d)", step) : "pair"
set arrow 1 from ix, iy to tx, ty nohead linewidth 2.2 linecolor rgb ink front
if (!dumb) {
  call "labels.gp" "begin"
  curve_below = 0; curve_top = 40
  curve_name[1] = images_word; curve_word[1] = w_image
  curve_name[2] = texts_word; curve_word[2] = w_text
  at(c, x, y) = cloud_at(c, (x - x_low) / (2 * unit * plot_width), (y - y_low) / (2 * unit * plot_height))
  stats table skip 1 using (valid(2) ? at(1, $2, $3) : 0) nooutput
  stats table skip 1 using (valid(5) ? at(2, $5, $6) : 0) nooutput
  call "labels.gp" "place"
}
if (hover) {
  plot table skip 1 every step using 2:3:($5-$2):($6-$3) with vectors nohead linewidth 0.5 linecolor rgb seg notitle, \
       '' skip 1 using 2:3:(tell(image_word, strcol(1), strcol(7), named ? strcol(8) : "")) with labels hypertext point linestyle 1 notitle, \
       '' skip 1 using 5:6:(tell(text_word, strcol(4), strcol(7), named ? strcol(9) : "")) with labels hypertext point linestyle 2 notitle, \
       '+' every ::0::0 using (ix):(iy) with points pointtype 7 pointsize 1.5 linecolor rgb ink notitle, \
       '+' every ::0::0 using (tx):(ty) with points pointtype 9 pointsize 1.7 linecolor rgb ink notitle
} else {
  plot table skip 1 every step using 2:3:($5-$2):($6-$3) with vectors nohead linewidth 0.5 linecolor rgb seg notitle, \
       '' skip 1 using 2:3 with points linestyle 1 notitle, \
       '' skip 1 using 5:6 with points linestyle 2 notitle, \
       keyentry with points linestyle 1 title image_word, keyentry with points linestyle 2 title text_word, \
       keyentry with lines linewidth 1 linecolor rgb seg title pair_word, \
       keyentry with lines linecolor rgb ink linewidth 2.2 title "centroids", \
       '+' every ::0::0 using (ix):(iy) with points pointtype 7 pointsize 1.5 linecolor rgb ink notitle, \
       '+' every ::0::0 using (tx):(ty) with points pointtype 9 pointsize 1.7 linecolor rgb ink notitle
}
