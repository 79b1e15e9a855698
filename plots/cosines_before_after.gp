# The four cosine histograms before and after, on the same axes.
panel_rows = 2
call "style.gp" "cosines_before_after" ARG1 ARG2 ARG3 ARG4
headline_title = "Cosines, before and after"
headline_shown = "before: mean ".meta("before_means")
eval headline
# columns: when low high pair cross image text (counts)
low(a, b) = a < b ? a : b
high(a, b) = a > b ? a : b
low_edge = low(real(meta("before_first")), real(meta("after_first")))
high_edge = high(real(meta("before_last")), real(meta("after_last")))
pad = (high_edge - low_edge) * 0.05 + 0.01
set xrange [low_edge - pad : high_edge + pad]
set linetype 1 linecolor rgb c_cross linewidth 1.6 dashtype 1
set linetype 2 linecolor rgb c_image linewidth 1.6 dashtype 1
set linetype 3 linecolor rgb c_text linewidth 1.6 dashtype (12,4)
set linetype 4 linecolor rgb c_pair linewidth 2.2 dashtype 1
total(when, name) = real(meta(when."_total_".name))
# a curve begins and ends where its pairs do
edge(when, which, name) = real(meta(when."_".which."_".name))
share(when, count, name) = (strcol(1) eq when && total(when, name) > 0 && $2 > edge(when, "first", name) - 0.015 && $2 < edge(when, "last", name) + 0.005) ? count / total(when, name) : NaN
filled(when, count, name) = dumb || tex ? NaN : share(when, count, name)
top = 0
do for [when in "before after"] {
  do for [name in "pair cross image text"] {
    k = name eq "pair" ? 4 : name eq "cross" ? 5 : name eq "image" ? 6 : 7
    if (total(when, name) > 0) {
      stats table skip 1 using (share(when, column(k), name)) name "S" nooutput
      top = high(top, S_max)
    }
  }
}
set yrange [0 : top * 1.05]
set format y "%g"
set multiplot
do for [p = 1:2] {
  when = p == 1 ? "before" : "after"
  if (!dumb) {
    area = height - top_space - bottom_space
    set tmargin at screen 1 - (top_space + 18 + (p - 1) * (area / 2 + 9)) / height
    set bmargin at screen (bottom_space + (2 - p) * (area / 2 + 9)) / height
  } else {
    set origin 0,0.5*(2-p); set size 1,0.5
  }
  set label 905 when at graph 0.99, graph 0.93 right font pt(14) textcolor rgb ink
  if (p == 1) { set key on; unset xlabel } else { set key off; unset label 901; unset label 902; unset label 903; set xlabel "cosine" textcolor rgb ink }
  set ylabel "share of pairs" textcolor rgb ink offset 0.8,0
  plot table skip 1 using 2:(filled(when, $5, "cross")) with fillsteps linetype 1 notitle, \
       '' skip 1 using 2:(filled(when, $6, "image")) with fillsteps linetype 2 notitle, \
       '' skip 1 using 2:(filled(when, $7, "text")) with fillsteps linetype 3 notitle, \
       '' skip 1 using 2:(filled(when, $4, "pair")) with fillsteps linetype 4 notitle, \
       '' skip 1 using 2:(share(when, $5, "cross")) with steps linetype 1 title "non-matching pairs", \
       '' skip 1 using 2:(share(when, $6, "image")) with steps linetype 2 title images_word, \
       '' skip 1 using 2:(share(when, $7, "text")) with steps linetype 3 title texts_word, \
       '' skip 1 using 2:(share(when, $4, "pair")) with steps linetype 4 title "matched pairs"
}
unset multiplot
