# Curves in panels of one measure each; called by history.gp, race.gp and sweep.gp with their names and arguments.
# columns: panel series x y low high; the lines at the end of the table name panels and series in their order.
call "style.gp" ARG1 ARG2 ARG3 ARG4 ARG5
headline_title = meta("title")
headline_shown = meta("shown")
eval headline
counted_panels = int(real(meta("panels")))
counted_series = int(real(meta("series")))
across = panels_across(counted_panels)
down = panels_down(counted_panels)
many = counted_series > 8

array mark[6] = [7, 5, 9, 11, 13, 1]
# seeds without number: thin and pale, their mean on top
of(i) = series_colour[1 + (i - 1) % 6]
pale = "#b0".soft[2:7]
taken(p, s) = (strcol(1) eq p && strcol(2) eq s) ? 1 : 0
at(p, s, k) = taken(p, s) ? column(k) : NaN

if (strlen(meta("log_x"))) { set logscale x 10 }
if (!dumb) {
  top = print_out ? 24.0 : top_space + (hover ? 10 : 14)
  small = pt(11)
  cell_w = (width - 20.0) / across
  cell_h = (height - top - (print_out ? 4 : 30)) / down
  set title offset 0,-0.6 textcolor rgb ink font pt(13) noenhanced
}
set offsets 0, 0, graph 0.08, graph 0.08
stats table skip 1 using 3 name "X" nooutput
if (strlen(meta("log_x"))) { set xrange [X_min / 1.12 : X_max * 1.12] } else { set xrange [X_min - 0.02 * (X_max - X_min) - 1e-9 : X_max + 0.02 * (X_max - X_min) + 1e-9] }
# names in place of numbers: points at 0, 1, …, those of several series side by side
categories = strlen(meta("categories")) ? int(real(meta("categories"))) : 0
longest = 0
do for [i = 1:categories] { longest = strlen(meta(sprintf("category_%d", i))) > longest ? strlen(meta(sprintf("category_%d", i))) : longest }
if (categories) { set xrange [-0.5 : categories - 0.5] }
drawn = categories ? "points pointsize 0.7" : "linespoints pointsize 0.45 linewidth 1.8"
named = categories ? "points pointsize 0.8" : "linespoints pointsize 0.6 linewidth 1.8"
aside(s) = categories && counted_series < 9 ? (s - (counted_series + 1) / 2.0) * 0.5 / counted_series : 0
set multiplot
if (!dumb) {
  # the names of the series stand once, above all panels
  set lmargin at screen 60.0/width
  set rmargin at screen 1 - 10.0/width
  set tmargin at screen 1 - 60.0/height
  set bmargin at screen 10.0/height
  unset border; unset tics; unset xlabel; unset ylabel; unset grid
  set yrange [0:1]
  if (many) {
    plot NaN with lines linewidth 0.8 linecolor rgb pale title sprintf("%d runs", counted_series), \
      NaN with linespoints linewidth 2.4 pointtype 7 pointsize 0.4 linecolor rgb c_pair title "their mean"
  } else {
    plot for [s = 1:counted_series] NaN with @named pointtype mark[1 + (s - 1) % 6] linecolor rgb of(s) title meta(sprintf("series_%d", s))
  }
  unset label 901; unset label 902; unset label 903
  set yrange [*:*]
  set border 3
  set xtics nomirror out scale 0.6 font small offset 0,0.3 textcolor rgb soft
  set ytics nomirror out scale 0.6 font small textcolor rgb soft
  if (strlen(meta("ticks"))) {
    set xtics ("" X_min)
    do for [i = 1:int(real(meta("ticks")))] { set xtics add (meta(sprintf("tick_%d", i)) real(meta(sprintf("tick_%d", i)))) }
  }
  set grid noxtics ytics
  set key off
}
if (categories) {
  set xtics ("" 0) noenhanced
  if (longest * categories > 40) { set xtics rotate by -30 left }
  do for [i = 1:categories] { set xtics add (meta(sprintf("category_%d", i)) i - 1) }
}
do for [p = 1:counted_panels] {
  panel = meta(sprintf("panel_%d", p))
  col = (p - 1) % across
  row = (p - 1) / across
  last = p + across > counted_panels
  if (!dumb) {
    set lmargin at screen (10.0 + col * cell_w + 62) / width
    set rmargin at screen (10.0 + (col + 1) * cell_w - 12) / width
    set tmargin at screen 1 - (top + row * cell_h + 14) / height
    set bmargin at screen 1 - (top + (row + 1) * cell_h - 44) / height
  }
  set title panel
  if (last) { set xlabel meta("x") textcolor rgb ink font pt(12) offset 0,0.6 } else { unset xlabel }
  if (many) {
    plot for [s = 1:counted_series] table skip 1 using 3:(at(panel, meta(sprintf("series_%d", s)), 4)) \
      with lines linewidth 0.8 linecolor rgb pale notitle, \
      table skip 1 using 3:(strcol(1) eq panel ? $4 : NaN) smooth unique with linespoints linewidth 2.4 pointtype 7 \
      pointsize 0.4 linecolor rgb c_pair title "mean"
  } else {
    plot for [s = 1:counted_series] table skip 1 using ($3 + aside(s)):(at(panel, meta(sprintf("series_%d", s)), 4)):(at(panel, meta(sprintf("series_%d", s)), 5)):(at(panel, meta(sprintf("series_%d", s)), 6)) \
      with yerrorbars pointtype mark[1 + (s - 1) % 6] pointsize 0.01 linewidth 1.2 linecolor rgb of(s) notitle, \
      for [s = 1:counted_series] table skip 1 using ($3 + aside(s)):(at(panel, meta(sprintf("series_%d", s)), 4)) \
      with @drawn pointtype mark[1 + (s - 1) % 6] linecolor rgb of(s) \
      title meta(sprintf("series_%d", s))
  }
}
unset multiplot
