# Inputs in panels of one measure each; called by overview.gp and series.gp with their names and arguments.
# columns: panel input x value low high marked; the lines at the end of the table name panels and inputs in their order.
# A size without height ("640,0"), or none, becomes as high as the panels need.
set datafile separator tab
set datafile commentschars "\001"
panels_counted = 1
inputs_counted = 1
stats (strlen(ARG2) ? ARG2 : ARG1.".tsv") using (strcol(1) eq "# panels" ? (panels_counted = int(real(strcol(2))), 1) : \
  strcol(1) eq "# inputs" ? (inputs_counted = int(real(strcol(2))), 1) : 1) nooutput
set datafile commentschars "#"
is_series = ARG1 eq "series"
sized = strlen(ARG5) ? ARG5 : ARG3[strlen(ARG3) - 2 : *] eq "txt" ? "80,24" : "760,0"
on_paper = ARG4 eq "paper"
given_width = sized[1 : strstrt(sized, ",") - 1]
across = panels_counted < 2 ? 1 : (panels_counted < 5 || (on_paper && real(given_width) < 550)) ? 2 : 3
down = (panels_counted + across - 1) / across
panel_height = is_series ? 178 : 92 + 15 * inputs_counted
if (sized[strstrt(sized, ",") + 1 : *] eq "0") { sized = sprintf("%s,%d", given_width, (on_paper ? 44 : 120) + down * panel_height) }
call "style.gp" ARG1 ARG2 ARG3 ARG4 sized
headline_title = meta("title")
headline_shown = meta("shown")
counted = ""
eval headline

# the block of the measure, below it its name, and a long name's second half below that
broken(t, sign) = strstrt(t, sign) ? t[1 : strstrt(t, sign) - 1]."\n".t[strstrt(t, sign) + strlen(sign) : *] : t
wrapped(t) = print_out || strlen(t) > 24 ? broken(t, ", ") : t
# a column has no place for a block's long name
block_of(t) = t[1 : strstrt(t, ": ") - 1]
lines_of(t) = strstrt(t, ": ") ? (narrow && strlen(block_of(t)) > 18 ? "" : block_of(t)."\n").wrapped(t[strstrt(t, ": ") + 2 : *]) : wrapped(t)

longest = 0
do for [i = 1:inputs_counted] { longest = strlen(meta(sprintf("input_%d", i))) > longest ? strlen(meta(sprintf("input_%d", i))) : longest }
of_panel(k) = strcol(1) eq panel ? column(k) : NaN
of_mark(k, marked) = strcol(1) eq panel && column(7) == marked ? column(k) : NaN
if (!dumb) {
  top = head_space + (print_out ? 0 : 8)
  small = pt(10.5)
  left = is_series ? 10.0 : 14.0 + (print_out ? 7.6 : 6.2) * longest
  cell_w = (width - left - 8.0) / across
  cell_h = (height - top - (print_out ? 2 : 24)) / down
  set title offset 0,-0.9 textcolor rgb ink font pt(11) noenhanced
  set xtics nomirror out scale 0.5 font small offset 0,0.4 textcolor rgb soft
  set ytics nomirror out scale 0.5 font small textcolor rgb soft noenhanced
  # 2e-09 is as short as numbers are
  if (is_series) { set ytics format "%g" }
}
set key off
set autoscale xfixmin
set autoscale xfixmax
# a terminal of text has a place for one panel
if (dumb) { panels_counted = 1 }
if (is_series && strlen(meta("log_x"))) { set logscale x 10; set xtics format "%.0s%c" }
if (is_series && narrow && !strlen(meta("log_x"))) {
  stats table skip 1 using 3 name "X" nooutput
  if (X_max > X_min) { set xtics round_step(0.6 * (X_max - X_min)) }
}
set multiplot
do for [p = 1:panels_counted] {
  panel = meta(sprintf("panel_%d", p))
  col = (p - 1) % across
  row = (p - 1) / across
  if (!dumb) {
    set lmargin at screen (left + col * cell_w + (is_series ? (print_out ? 56 : 46) : 8)) / width
    set rmargin at screen (left + (col + 1) * cell_w - 14) / width
    set tmargin at screen 1 - (top + row * cell_h + (print_out && !is_series ? 48 : 45)) / height
    set bmargin at screen 1 - (top + (row + 1) * cell_h - 30) / height
  }
  set title (dumb ? panel : lines_of(panel))
  step = number_from(meta(sprintf("step_%d", p)))
  if (is_series) {
    set offsets graph 0.04, graph 0.04, graph 0.1, graph 0.1
    if (step > 0) { set ytics step } else { set ytics autofreq }
    plot table skip 1 using (of_panel(3)):(of_panel(5)):(of_panel(6)) with filledcurves fillcolor rgb c_pair notitle, \
      table skip 1 using (of_panel(3)):(of_panel(4)) with linespoints pointtype 7 pointsize 0.4 linewidth 1.8 linecolor rgb c_pair notitle
  } else {
    # two to five numbers on an axis; a value that is the same everywhere is in the middle
    set autoscale
    low = 1e300; high = -1e300
    span(y) = (low = y < low ? y : low, high = y > high ? y : high)
    stats table skip 1 using (strcol(1) eq panel && valid(4) ? (span(column(4)), valid(5) && valid(6) ? (span(column(5)), span(column(6))) : 0, 0) : 0) nooutput
    if (low > high) { low = 0; high = 1 }
    if (low == high) { half = low == 0 ? 0.1 : 0.1 * abs(low); low = low - half; high = high + half }
    set xrange [low - 0.08 * (high - low) : high + 0.08 * (high - low)]
    set yrange [inputs_counted + 0.6 : 0.4]
    set grid xtics noytics
    if (col == 0) {
      set ytics ("" 1)
      do for [i = 1:inputs_counted] { set ytics add (meta(sprintf("input_%d", i)) i) }
    } else {
      set ytics format ""
      set ytics 1
    }
    step = step > 0 ? step : round_step(0.55 * (high - low))
    set xtics step
    plot table skip 1 using (of_panel(4)):(of_panel(3)):(of_panel(5)):(of_panel(6)) with xerrorbars pointtype 1 pointsize 0.01 linewidth 1.4 linecolor rgb ink notitle, \
      table skip 1 using (of_mark(4, 0)):(of_panel(3)) with points pointtype 6 pointsize 0.7 linewidth 1.4 linecolor rgb ink notitle, \
      table skip 1 using (of_mark(4, 1)):(of_panel(3)) with points pointtype 7 pointsize 0.9 linecolor rgb c_pair notitle
    set ytics format
  }
  unset label 901; unset label 902; unset label 903
}
unset multiplot
