# The difference of the centroids by coordinate, before and after, on the same axes.
panel_rows = 2
call "style.gp" "dimensions_before_after" ARG1 ARG2 ARG3 ARG4
headline_title = "The gap, coordinate by coordinate, before and after"
headline_shown = dumb ? sprintf("corrected distance %s before, %s after", meta("before_corrected_distance"), meta("after_corrected_distance")) : ""
eval headline
# columns: when coordinate image_mean text_mean difference share label
stats table skip 1 using 5 name "G" nooutput
most = abs(G_min) > abs(G_max) ? abs(G_min) : abs(G_max)
# names stand above and below the bars
most = most > 0 ? (dumb ? 1.15 : 1.5) * most : 1
set yrange [-most : most]
set xzeroaxis linetype 1 linewidth 0.8 linecolor rgb soft
of(when, k) = strcol(1) eq when ? column(k) : NaN
eval two_panels
set multiplot
do for [p = 1:2] {
  when = p == 1 ? "before" : "after"
  d = number_from(meta(when."_dim"))
  thick = d > 400 ? 1.0 : d > 100 ? 2 : d > 30 ? 5 : 12
  set xrange [-0.02*d - 0.5 : 1.02*d - 0.5]
  if (!dumb) { eval next_panel } else { set origin 0,0.5*(2-p); set size 1,0.5 }
  set label 905 (dumb ? when : when.": distance ".word(meta(when."_corrected_distance"), 1).(narrow ? "" : "; ".meta(when."_largest_two")." of its square")) at screen 16.0/width, graph 1 left offset 0,0.6 textcolor rgb ink noenhanced
  if (!dumb) {
    set label 906 "larger in ".images_word at graph 0.99, graph 0.93 right textcolor rgb w_image noenhanced
    set label 907 "larger in ".texts_word at graph 0.99, graph 0.07 right textcolor rgb w_text noenhanced
  }
  if (p == 2) { set key off; unset label 901; unset label 902; unset label 903; set xlabel "coordinate (from 0)" textcolor rgb ink }
  set ylabel (narrow ? "difference" : images_word." − ".texts_word) noenhanced textcolor rgb ink offset 0.8,0
  plot table skip 1 using 2:(of(when, 5) >= 0 ? $5 : NaN) with impulses linewidth thick linecolor rgb c_image notitle, \
       '' skip 1 using 2:(of(when, 5) < 0 ? $5 : NaN) with impulses linewidth thick linecolor rgb c_text notitle, \
       keyentry with lines linewidth 6 linecolor rgb c_image title "larger in ".images_word, \
       keyentry with lines linewidth 6 linecolor rgb c_text title "larger in ".texts_word
}
unset multiplot
