# The scatter before and after, on axes of one scale.
call "style.gp" "scatter_before_after" ARG1 ARG2 ARG3 ARG4
headline_title = Images_word." and ".texts_word.", before and after"
headline_shown = sprintf("corrected distance %s before, %s after", meta("before_corrected_distance"), meta("after_corrected_distance"))
eval headline
# columns: when image image_x image_y text text_x text_y cosine
stats table skip 1 using 3 name "A" nooutput
stats table skip 1 using 6 name "B" nooutput
stats table skip 1 using 4 name "C" nooutput
stats table skip 1 using 7 name "D" nooutput
low(a, b) = a < b ? a : b
high(a, b) = a > b ? a : b
x_mid = (low(A_min, B_min) + high(A_max, B_max)) / 2; x_half = (high(A_max, B_max) - low(A_min, B_min)) * 0.53
y_mid = (low(C_min, D_min) + high(C_max, D_max)) / 2; y_half = (high(C_max, D_max) - low(C_min, D_min)) * 0.53
between = 50.0
head = print_out ? 20.0 : top_space
panel_width = dumb ? plot_width / 2.0 - 6 : (plot_width - between) / 2
plot_height = dumb ? plot_height : height - head - bottom_space
# names stand above the clouds
names_height = dumb ? 0 : 40.0
unit = high(high(x_half / panel_width, y_half / (plot_height - names_height)), 1e-6)
x_low = x_mid - unit * panel_width
y_low = y_mid - unit * (plot_height - names_height)
set xrange [x_low : x_low + 2 * unit * panel_width]
set yrange [y_low : y_low + 2 * unit * plot_height]
plot_width = panel_width
of(when, k) = strcol(1) eq when ? column(k) : NaN
point_size = kind eq "svg" ? 0.36 : 0.48
set style line 1 linecolor rgb c_image pointtype 7 pointsize 1.2*point_size
set style line 2 linecolor rgb c_text pointtype 9 pointsize 1.1*point_size
# at most 300 segments a panel
pairs = number_from(meta("after_pairs"))
step = pairs > 300 ? int(ceil(pairs / 300)) : 1
seg = (pairs > 100 ? "#c0" : "#98").soft[2:7]
if (!dumb) { set grid xtics ytics }
set key off
set multiplot
do for [p = 1:2] {
  when = p == 1 ? "before" : "after"
  ix = number_from(meta(when."_image_centroid_x")); iy = number_from(meta(when."_image_centroid_y"))
  tx = number_from(meta(when."_text_centroid_x"));  ty = number_from(meta(when."_text_centroid_y"))
  if (!dumb) {
    set lmargin at screen (left_space + (p - 1) * (between + panel_width)) / width
    set rmargin at screen (left_space + (p - 1) * between + p * panel_width) / width
    set tmargin at screen 1 - head / height
    set bmargin at screen bottom_space / height
    set label 905 when at graph 0, graph 1 left offset 0,0.6 textcolor rgb ink
    call "labels.gp" "begin"
    curve_below = 0; curve_top = 40
    curve_name[1] = images_word; curve_word[1] = w_image
    curve_name[2] = texts_word; curve_word[2] = w_text
    at(c, x, y) = cloud_at(c, (x - x_low) / (2 * unit * panel_width), (y - y_low) / (2 * unit * plot_height))
    stats table skip 1 using (valid(3) && strcol(1) eq when ? at(1, $3, $4) : 0) nooutput
    stats table skip 1 using (valid(6) && strcol(1) eq when ? at(2, $6, $7) : 0) nooutput
    call "labels.gp" "place"
  } else {
    set origin 0.5*(p-1),0; set size 0.5,1
    set title when textcolor rgb ink
  }
  set xlabel component(1) textcolor rgb ink
  # both panels have one scale
  if (p == 1) { set ylabel component(2) textcolor rgb ink offset 1,0 } else { unset ylabel; set format y "" }
  if (print_out) { set xtics round_step(unit * panel_width) }
  set arrow 1 from ix, iy to tx, ty nohead linewidth 2.2 linecolor rgb ink front
  plot table skip 1 every step using (of(when, 3)):4:($6-$3):($7-$4) with vectors nohead linewidth 0.5 linecolor rgb seg notitle, \
       '' skip 1 using (of(when, 3)):4 with points linestyle 1 notitle, \
       '' skip 1 using (of(when, 6)):7 with points linestyle 2 notitle, \
       '+' every ::0::0 using (ix):(iy) with points pointtype 7 pointsize 1.2 linecolor rgb ink notitle, \
       '+' every ::0::0 using (tx):(ty) with points pointtype 9 pointsize 1.4 linecolor rgb ink notitle
  unset label 901; unset label 902; unset label 903
}
unset multiplot
