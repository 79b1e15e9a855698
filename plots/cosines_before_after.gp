# The four cosine histograms before and after, on the same axes.
panel_rows = 2
call "style.gp" "cosines_before_after" ARG1 ARG2 ARG3 ARG4
headline_title = "Cosines, before and after"
headline_shown = dumb ? "before: mean ".meta("before_means") : ""
eval headline
# columns: when low high pair cross image text (counts)
low(a, b) = a < b ? a : b
high(a, b) = a > b ? a : b
low_edge = low(number_from(meta("before_first")), number_from(meta("after_first")))
high_edge = high(number_from(meta("before_last")), number_from(meta("after_last")))
# in a column of a paper words are short, and take more of the width
pad = (high_edge - low_edge) * (narrow ? 0.14 : 0.06) + 0.01
set xrange [low_edge - pad : high_edge + pad]
set linetype 1 linecolor rgb c_cross linewidth 1.6 dashtype (3,2)
set linetype 2 linecolor rgb c_image linewidth 1.6 dashtype 1
set linetype 3 linecolor rgb c_text linewidth 1.6 dashtype (12,4)
set linetype 4 linecolor rgb c_pair linewidth 2.4 dashtype 1
total(when, name) = number_from(meta(when."_total_".name))
# a curve begins and ends where its pairs do
edge(when, which, name) = number_from(meta(when."_".which."_".name))
share(when, count, name) = (strcol(1) eq when && total(when, name) > 0 && $2 > edge(when, "first", name) - 0.015 && $2 < edge(when, "last", name) + 0.005) ? count / total(when, name) : NaN
filled(when, count, name) = dumb || tex ? NaN : share(when, count, name)
top = 0
highest(y) = (top = (y > top ? y : top), 1)
do for [when in "before after"] {
  stats table skip 1 using (highest(share(when, $4, "pair")) + highest(share(when, $5, "cross")) + highest(share(when, $6, "image")) + highest(share(when, $7, "text"))) nooutput
}
# names stand above the curves
top = (top > 0 ? top : 1) * (dumb ? 1.05 : 1.3)
set yrange [0:top]
set format y "%g"
pair_name = total("before", "pair") > 0 ? (narrow ? "matched" : "matched pairs") : ""
cross_name = strlen(pair_name) ? (narrow ? "non-matching" : "non-matching pairs") : "between the two"
eval two_panels
set multiplot
do for [p = 1:2] {
  when = p == 1 ? "before" : "after"
  if (!dumb) {
    eval next_panel
    call "labels.gp" "begin"
    curve_below = 0; curve_top = 150
    curve_name[1] = pair_name;  curve_word[1] = w_pair
    curve_name[2] = cross_name; curve_word[2] = w_cross
    curve_name[3] = images_word; curve_word[3] = w_image
    curve_name[4] = texts_word; curve_word[4] = w_text
    at(c, y) = curve_at(c, (($2 + $3) / 2 - low_edge + pad) / (high_edge - low_edge + 2 * pad), y / top)
    stats table skip 1 using (at(1, share(when, $4, "pair")) + at(2, share(when, $5, "cross")) + at(3, share(when, $6, "image")) + at(4, share(when, $7, "text"))) nooutput
    call "labels.gp" "place"
  } else {
    set origin 0,0.5*(2-p); set size 1,0.5
  }
  set label 905 (dumb || narrow ? when : minus(when.": mean ".meta(when."_means"))) at screen 16.0/width, graph 1 left offset 0,0.6 textcolor rgb ink noenhanced
  if (p == 1) { if (dumb) { set key on }; unset xlabel } else { set key off; unset label 901; unset label 902; unset label 903; set xlabel "cosine" textcolor rgb ink }
  set ylabel "share of pairs" textcolor rgb ink offset 0.8,0
  plot table skip 1 using 2:(filled(when, $5, "cross")) with fillsteps linetype 1 notitle, \
       '' skip 1 using 2:(filled(when, $6, "image")) with fillsteps linetype 2 notitle, \
       '' skip 1 using 2:(filled(when, $7, "text")) with fillsteps linetype 3 notitle, \
       '' skip 1 using 2:(filled(when, $4, "pair")) with fillsteps linetype 4 notitle, \
       '' skip 1 using 2:(share(when, $5, "cross")) with steps linetype 1 title cross_name, \
       '' skip 1 using 2:(share(when, $6, "image")) with steps linetype 2 title images_word, \
       '' skip 1 using 2:(share(when, $7, "text")) with steps linetype 3 title texts_word, \
       '' skip 1 using 2:(share(when, $4, "pair")) with steps linetype 4 title pair_name
}
unset multiplot
