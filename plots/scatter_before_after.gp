# The scatter before and after, on axes of one scale.
call "style.gp" "scatter_before_after" ARG1 ARG2 ARG3 ARG4
headline_title = Images_word." and ".word_or("texts_word", "texts").", before and after"
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
panel_width = plot_width / 2.0 - (dumb ? 6 : 20)
panel_height = plot_height - (dumb ? 0 : 20)
unit = high(high(x_half / panel_width, y_half / panel_height), 1e-6)
set xrange [x_mid - unit * panel_width : x_mid + unit * panel_width]
set yrange [y_mid - unit * panel_height : y_mid + unit * panel_height]
of(when, k) = strcol(1) eq when ? column(k) : NaN
point_size = kind eq "svg" ? 0.36 : 0.48
set style line 1 linecolor rgb c_image pointtype 7 pointsize 1.2*point_size
set style line 2 linecolor rgb c_text pointtype 9 pointsize 1.1*point_size
# at most 300 segments a panel
couples = real(meta("after_couples"))
step = couples > 300 ? int(ceil(couples / 300)) : 1
seg = (couples > 100 ? "#c0" : "#98").soft[2:7]
pair_word = couples == 0 ? "" : step > 1 ? sprintf("pair (1 in %d)", step) : "pair"
# gnuplot takes letters for wider than they are, and would break a key of four names
if (!dumb && couples > 0) { set key width (hover ? -4 : -2) }
if (!dumb) { set grid xtics ytics }
set multiplot
if (!dumb) {
  # the key stands once, above both panels
  set lmargin at screen 60.0/width
  set rmargin at screen 1 - 10.0/width
  unset border; unset tics; unset grid
  plot keyentry with points linestyle 1 title image_word, keyentry with points linestyle 2 title text_word, \
       keyentry with lines linewidth 1 linecolor rgb soft title pair_word, \
       keyentry with lines linecolor rgb ink linewidth 2.2 title "centroids", NaN notitle
  unset label 901; unset label 902; unset label 903
  set border 3
  set xtics nomirror out scale 0.6 textcolor rgb soft
  set ytics nomirror out scale 0.6 textcolor rgb soft
  if (print_out) { set xtics round_step(unit * panel_width) }
  set grid xtics ytics
  set key off
}
do for [p = 1:2] {
  when = p == 1 ? "before" : "after"
  if (!dumb) {
    set lmargin at screen (left_space + (p - 1) * (40.0 + panel_width)) / width
    set rmargin at screen (left_space + (p - 1) * 40.0 + p * panel_width) / width
    set tmargin at screen 1 - (top_space + (print_out ? 32 : 20)) / height
  } else {
    set origin 0.5*(p-1),0; set size 0.5,1
  }
  set title when textcolor rgb ink offset 0,-0.4
  set xlabel component(1) textcolor rgb ink
  if (p == 1) { set ylabel component(2) textcolor rgb ink offset 1,0 } else { unset ylabel }
  ix = real(meta(when."_image_centroid_x")); iy = real(meta(when."_image_centroid_y"))
  tx = real(meta(when."_text_centroid_x"));  ty = real(meta(when."_text_centroid_y"))
  set arrow 1 from ix, iy to tx, ty nohead linewidth 2.2 linecolor rgb ink front
  plot table skip 1 every step using (of(when, 3)):4:($6-$3):($7-$4) with vectors nohead linewidth 0.5 linecolor rgb seg notitle, \
       '' skip 1 using (of(when, 3)):4 with points linestyle 1 notitle, \
       '' skip 1 using (of(when, 6)):7 with points linestyle 2 notitle, \
       '+' every ::0::0 using (ix):(iy) with points pointtype 7 pointsize 1.2 linecolor rgb ink notitle, \
       '+' every ::0::0 using (tx):(ty) with points pointtype 9 pointsize 1.4 linecolor rgb ink notitle
}
unset multiplot
