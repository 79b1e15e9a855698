# Cumulated variance before and after, a panel for each set of rows: broken lines before, solid ones after.
call "style.gp" "variance_before_after" ARG1 ARG2 ARG3 ARG4
headline_title = "Variance carried by the first components, before and after"
headline_shown = dumb ? sprintf("participation ratio: %s %s, then %s; %s %s, then %s", images_word, meta("before_image_ratio"), meta("after_image_ratio"), texts_word, meta("before_text_ratio"), meta("after_text_ratio")) : "participation ratio, before → after, above each panel"
eval headline
d = number_from(meta("before_dim")) > number_from(meta("after_dim")) ? number_from(meta("before_dim")) : number_from(meta("after_dim"))
set yrange [0:1.06]
set ytics 0.2
set xrange [1 : d > 1 ? d : 2]
set logscale x 10
# columns: when components image text joint uniform (cumulated shares)
of(when, k) = strcol(1) eq when ? column(k) : NaN
array colour[3] = [c_image, c_text, c_joint]
array shade[3] = [w_image, w_text, w_joint]
array panel[3] = [images_word, texts_word, "joint"]
array ratio[3] = ["image", "text", "joint"]
if (dumb) {
  set xlabel "number of components" textcolor rgb ink
  set ylabel "cumulated share of the variance" textcolor rgb ink offset 0.8,0
  plot table skip 1 using 2:(of("after", 6)) with lines title "uniform", \
       for [k = 1:3] '' skip 1 using 2:(of("before", 2 + k)) with lines title panel[k]." before", \
       for [k = 1:3] '' skip 1 using 2:(of("after", 2 + k)) with lines title panel[k]." after"
} else {
  set key off
  between = 14.0
  head = (print_out ? 42.0 : top_space + 14)
  plot_height = height - head - bottom_space
  panel_width = (width - left_space - right_space - 2 * between) / 3
  plot_width = panel_width
  set tmargin at screen 1 - head / height
  set bmargin at screen bottom_space / height
  do for [k in "1 10 100 1000"] { if (k <= d) { set xtics add (k real(k)) } }
  # "42.7 [40, 45]": the number alone
  number(key) = word(meta(key), 1)
  set multiplot
  do for [p = 1:3] {
    set lmargin at screen (left_space + (p - 1) * (panel_width + between)) / width
    set rmargin at screen (left_space + (p - 1) * (panel_width + between) + panel_width) / width
    if (p == 2) { set xlabel "number of components, from one to all" textcolor rgb ink } else { unset xlabel }
    if (p == 1) { set ylabel "cumulated share of the variance" textcolor rgb ink offset 0.8,0 } else { unset ylabel; set ytics format "" }
    set label 905 panel[p] at graph 0, graph 1 left offset 0,1.7 textcolor rgb shade[p] noenhanced
    set label 906 number("before_".ratio[p]."_ratio")." → ".number("after_".ratio[p]."_ratio") at graph 0, graph 1 left offset 0,0.6 textcolor rgb ink noenhanced
    call "labels.gp" "begin"
    curve_name[1] = "after"; curve_word[1] = shade[p]
    curve_name[2] = "before"; curve_word[2] = w_sixth
    # a narrow panel has no place for a third name
    curve_name[3] = panel_width > 120 ? "uniform" : ""; curve_word[3] = ink
    at(c, x, y) = curve_at(c, log(x) / log(d), y / 1.06)
    stats table skip 1 using (strcol(1) eq "after" ? at(1, $2, column(2 + p)) : at(2, $2, column(2 + p))) nooutput
    stats table skip 1 using (strcol(1) eq "after" ? at(3, $2, $6) : 0) nooutput
    call "labels.gp" "place"
    plot table skip 1 using 2:(of("after", 6)) with lines linewidth 1.2 dashtype (2,4) linecolor rgb ink title "uniform", \
         '' skip 1 using 2:(of("after", 2 + p)) with lines linewidth 3 linecolor rgb colour[p] title panel[p]." after", \
         '' skip 1 using 2:(of("before", 2 + p)) with lines linewidth 1.6 dashtype (7,4) linecolor rgb c_sixth title panel[p]." before"
    unset label 901; unset label 902; unset label 903
  }
  unset multiplot
}
