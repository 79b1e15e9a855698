# Dots in panels of one measure each, a line for each name of the option that was varied; called by sweep.gp with its
# name and arguments. columns: panel series x y low high; x counts the names from 0. Where there are several series each
# name has a line for each of them. Rows of the series "runs of NAME" are single runs, drawn as pale points.
# A size without height ("640,0"), or none, becomes as high as the lines need.
set datafile separator tab
set datafile commentschars "\001"
counted_panels = 1; counted_series = 1; categories = 1
stats (strlen(ARG2) ? ARG2 : ARG1.".tsv") using (strcol(1) eq "# panels" ? (counted_panels = int(real(strcol(2))), 1) : \
  strcol(1) eq "# series" ? (counted_series = int(real(strcol(2))), 1) : strcol(1) eq "# categories" ? (categories = int(real(strcol(2))), 1) : 1) nooutput
set datafile commentschars "#"
on_paper = ARG4 eq "paper"
across = counted_panels < 2 ? 1 : counted_panels < 5 || on_paper ? 2 : 3
down = (counted_panels + across - 1) / across
# names of one category stand together
lines = counted_series * categories + (counted_series > 1 ? 0.7 * (categories - 1) : 0)
to_png = ARG3[strlen(ARG3) - 2 : *] eq "png"
sized = strlen(ARG5) ? ARG5 : ARG3[strlen(ARG3) - 2 : *] eq "txt" ? "80,24" : to_png ? "1520,0" : "760,0"
given_width = sized[1 : strstrt(sized, ",") - 1]
own_height = (on_paper ? 20 : 110) + down * (64 + 17 * lines)
if (sized[strstrt(sized, ",") + 1 : *] eq "0") { sized = sprintf("%s,%d", given_width, to_png ? own_height * real(given_width) / 760 : own_height) }
call "style.gp" ARG1 ARG2 ARG3 ARG4 sized
headline_title = meta("title")
headline_shown = meta("shown")
eval headline

array mark[6] = [7, 5, 9, 11, 13, 1]
of(s) = series_colour[1 + (s - 1) % 6]
series(s) = meta(sprintf("series_%d", s))
category(c) = meta(sprintf("category_%d", c))
# the line of name c (from 1) under series s
line_of(c, s) = (c - 1) * (counted_series + (counted_series > 1 ? 0.7 : 0)) + s
name_of(c, s) = counted_series > 1 ? category(c).", ".series(s) : category(c)
longest = 0
do for [c = 1:categories] { do for [s = 1:counted_series] { longest = strlen(name_of(c, s)) > longest ? strlen(name_of(c, s)) : longest } }
at(p, s, k) = (strcol(1) eq p && strcol(2) eq s) ? column(k) : NaN
row_of(p, s, name) = (strcol(1) eq p && strcol(2) eq name) ? line_of(column(3) + 1, s) : NaN

set key off
small = pt(11)
top = head_space
left = 16.0 + (print_out ? 8.0 : 7.0) * longest
cell_w = (width - left - 8.0) / across
cell_h = (height - top - (print_out ? 2.0 : 26.0)) / down
# a terminal of text has a place for one panel
shown_panels = dumb ? 1 : counted_panels
if (!dumb) {
  set title offset 0,-0.8 textcolor rgb ink font pt(12) noenhanced
  set xtics nomirror out scale 0.5 font small offset 0,0.4 textcolor rgb soft
  set ytics nomirror scale 0 font small textcolor rgb ink noenhanced
  set grid xtics noytics
  set border 1
}
set multiplot
do for [p = 1:shown_panels] {
  panel = meta(sprintf("panel_%d", p))
  col = (p - 1) % across
  row = (p - 1) / across
  if (!dumb) {
    set lmargin at screen (left + col * cell_w + 6) / width
    set rmargin at screen (left + (col + 1) * cell_w - 12) / width
    set tmargin at screen 1 - (top + row * cell_h + 28) / height
    set bmargin at screen 1 - (top + (row + 1) * cell_h - 22) / height
  } else { set lmargin longest + 2 }
  set title (dumb ? headline_title."\n".headline_shown."\n".panel : panel) noenhanced
  # two to five numbers on an axis
  set autoscale
  low = 1e300; high = -1e300
  span(y) = (low = y < low ? y : low, high = y > high ? y : high)
  stats table skip 1 using (strcol(1) eq panel && valid(4) ? (span(column(4)), valid(5) && valid(6) ? (span(column(5)), span(column(6))) : 0, 0) : 0) nooutput
  if (low > high) { low = 0; high = 1 }
  if (low == high) { half = low == 0 ? 0.1 : 0.5 * abs(low); low = low - half; high = high + half }
  set xrange [low - 0.1 * (high - low) : high + 0.1 * (high - low)]
  set xtics round_step((print_out ? 0.75 : 0.6) * (high - low))
  set yrange [lines + 0.6 : 0.4]
  set ytics ("" 1)
  if (col == 0) { do for [c = 1:categories] { do for [s = 1:counted_series] { set ytics add (name_of(c, s) line_of(c, s)) } } }
  plot for [s = 1:counted_series] table skip 1 using (at(panel, "runs of ".series(s), 4)):(row_of(panel, s, "runs of ".series(s))) \
    with points pointtype 7 pointsize 0.4 linecolor rgb "#a0".of(s)[2:7] notitle, \
    for [s = 1:counted_series] table skip 1 using (at(panel, series(s), 4)):(row_of(panel, s, series(s))):(at(panel, series(s), 5)):(at(panel, series(s), 6)) \
    with xerrorbars pointtype mark[1 + (s - 1) % 6] pointsize 0.01 linewidth 1.4 linecolor rgb of(s) notitle, \
    for [s = 1:counted_series] table skip 1 using (at(panel, series(s), 4)):(row_of(panel, s, series(s))) \
    with points pointtype mark[1 + (s - 1) % 6] pointsize 0.8 linecolor rgb of(s) title series(s)
  unset label 901; unset label 902; unset label 903
}
unset multiplot
