# Curves in panels of one measure each over a common x; called by history.gp, race.gp and sweep.gp with their names and
# arguments. columns: panel series x y low high; the lines at the end of the table name panels and series in their
# order. Rows of the series "runs of NAME" are single runs behind the curve NAME.
# A size without height ("640,0"), or none, becomes as high as the panels need.
set datafile separator tab
set datafile commentschars "\001"
counted_panels = 1
stats (strlen(ARG2) ? ARG2 : ARG1.".tsv") using (strcol(1) eq "# panels" ? (counted_panels = int(real(strcol(2))), 1) : 1) nooutput
set datafile commentschars "#"
across = counted_panels < 2 ? 1 : counted_panels < 7 ? 2 : 3
down = (counted_panels + across - 1) / across
panel_rows = down
to_png = ARG3[strlen(ARG3) - 2 : *] eq "png"
sized = strlen(ARG5) ? ARG5 : ARG3[strlen(ARG3) - 2 : *] eq "txt" ? "80,24" : to_png ? "1520,0" : "760,0"
given_width = sized[1 : strstrt(sized, ",") - 1]
own_height = (down < 2 ? 240 : 145 * down) + 150
if (ARG4 ne "paper" && sized[strstrt(sized, ",") + 1 : *] eq "0") { sized = sprintf("%s,%d", given_width, to_png ? own_height * real(given_width) / 760 : own_height) }
call "style.gp" ARG1 ARG2 ARG3 ARG4 sized
headline_title = meta("title")
headline_shown = meta("shown")
eval headline
number(key) = strlen(meta(key)) ? number_from(meta(key)) : NaN
counted_series = int(number_from(meta("series")))
many = counted_series > 8
# four curves or fewer are named at their ends, more in a key
direct = !dumb && !narrow && counted_panels * counted_series && counted_series < 5 && !(counted_series == 1 && meta("series_1") eq "mean")
longest = 0
longer(name) = longest = strlen(name) > longest ? strlen(name) : longest
do for [s = 1:(direct ? counted_series : 0)] { named = longer(meta(sprintf("series_%d", s))) }
lines = strlen(meta("lines")) ? int(number_from(meta("lines"))) : 0
do for [k = 1:lines] { named = longer(meta(sprintf("line_%d_name", k))) }

array mark[6] = [7, 5, 9, 11, 13, 1]
set linetype 101 dashtype 1
set linetype 102 dashtype (10,4)
set linetype 103 dashtype (3,3)
set linetype 104 dashtype (10,3,2,3)
set linetype 105 dashtype (6,6)
set linetype 106 dashtype (14,3)
of(i) = series_colour[1 + (i - 1) % 6]
word_of(i) = series_word[1 + (i - 1) % 6]
pale = "#b0".soft[2:7]
series(s) = meta(sprintf("series_%d", s))
at(p, s, k) = (strcol(1) eq p && strcol(2) eq s) ? column(k) : NaN

# what each panel spans, reference lines included, and where its curves end
log_x = strlen(meta("log_x")) > 0
stats table skip 1 using 3 name "X" nooutput
of_panel(k) = meta(sprintf("line_%d_panel", k)) eq panel
array y_low[counted_panels]
array y_high[counted_panels]
array y_last[counted_panels * counted_series]
span(y) = (low = y < low ? y : low, high = y > high ? y : high)
do for [p = 1:counted_panels] {
  panel = meta(sprintf("panel_%d", p))
  low = 1e300; high = -1e300
  stats table skip 1 using (strcol(1) eq panel && valid(4) ? (span(column(4)), valid(5) && valid(6) ? (span(column(5)), span(column(6))) : 0, 0) : 0) nooutput
  do for [k = 1:lines] { if (of_panel(k)) { low_high = span(number(sprintf("line_%d", k))) } }
  if (low > high) { low = 0; high = 1 }
  # of a measure that does not move; 0 has no size of its own
  if (low == high) { half = low == 0 ? 0.1 : 0.5 * abs(low); low = low - half; high = high + half }
  y_low[p] = low - 0.08 * (high - low)
  y_high[p] = high + 0.08 * (high - low)
  do for [s = 1:(many ? 0 : counted_series)] {
    last_y = NaN
    stats table skip 1 using (strcol(1) eq panel && strcol(2) eq series(s) && valid(4) ? (last_y = column(4), 0) : 0) nooutput
    y_last[(p - 1) * counted_series + s] = last_y
  }
}
if (log_x) { set logscale x 10; set xrange [X_min / 1.12 : X_max * 1.12] } else { set xrange [X_min - 0.02 * (X_max - X_min) - 1e-9 : X_max + 0.02 * (X_max - X_min) + 1e-9] }
# bars of several series stand side by side
aside(x, s, more) = name ne "sweep" ? x : (log_x ? x * (X_max / X_min) ** ((s - (counted_series + 1) / 2.0) * 0.014 + more) : x + (X_max - X_min) * ((s - (counted_series + 1) / 2.0) * 0.014 + more))
place_x(x) = log_x ? log(x / X_min * 1.12) / log(X_max / X_min * 1.2544) : (x - X_min + 0.02 * (X_max - X_min)) / (1.04 * (X_max - X_min) + 1e-9)

# the points that were kept: one line where they agree
kept = number("kept_1")
agree = kept == kept
do for [s = 1:counted_series] { agree = agree && number(sprintf("kept_%d", s)) == kept }

keyed = !direct && (counted_series > 1 || many)
top = head_space + (keyed ? 24 : 0)
if (agree) { top = top + 14 }
small = pt(11)
# what a letter and a line of small words take
letter = print_out ? 8.0 : 6.6
line_step = print_out ? 15.0 : 13.0
cell_w = (width - 20.0) / across
bottom = print_out ? 46.0 : 58.0
cell_h = (height - top - bottom) / down
right = 14 + (longest && !narrow ? letter * (longest < 16 ? longest : 16) : 0)
panel_w = cell_w - 56 - right
panel_h = cell_h - 34
# marks of a long history thin out
stats table skip 1 using (strcol(1) eq meta("panel_1") && strcol(2) eq series(1) ? 1 : 0) name "N" nooutput
every = N_sum > 16 ? int(ceil(N_sum / 12.0)) : 1

shown_panels = dumb ? (height < 22 ? 1 : height / 11 < counted_panels ? height / 11 : counted_panels) : counted_panels
if (dumb) { set xtics autofreq } else { set xtics nomirror out scale 0.6 font small offset 0,0.3 textcolor rgb soft; set ytics nomirror out scale 0.6 font small textcolor rgb soft }
set multiplot
if (!dumb && keyed) {
  # the names of the series stand once, above all panels
  set lmargin at screen 60.0/width
  set rmargin at screen 1 - 10.0/width
  set tmargin at screen 1 - 60.0/height
  set bmargin at screen 10.0/height
  unset border; unset tics; unset xlabel; unset ylabel; unset grid
  if (log_x) { unset logscale x }
  set yrange [0:1]
  if (many) {
    plot NaN with lines linewidth 0.8 linecolor rgb pale title sprintf("%d runs", counted_series), \
      NaN with linespoints linewidth 2.4 pointtype 7 pointsize 0.4 linecolor rgb c_pair title "their mean"
  } else {
    plot for [s = 1:counted_series] NaN with linespoints pointsize 0.6 linewidth 1.8 pointtype mark[1 + (s - 1) % 6] linecolor rgb of(s) title series(s)
  }
  unset label 901; unset label 902; unset label 903
  if (log_x) { set logscale x 10 }
  set border 3
  set xtics nomirror out scale 0.6 font small offset 0,0.3 textcolor rgb soft
  set ytics nomirror out scale 0.6 font small textcolor rgb soft
  set grid noxtics ytics
}
if (!dumb) { set key off }
# as many numbers on the axis as have a place: those of the table where it names a few, else a round step
ticks = strlen(meta("ticks")) ? int(number_from(meta("ticks"))) : 0
place_tick = 'do for [i = 1:ticks] { \
  tick = meta(sprintf("tick_%d", i)); \
  here = place_x(number_from(tick)) * (dumb ? width - 12 : panel_w); \
  wide = strlen(tick) * (dumb ? 1 : letter); \
  if (last && here - wide / 2 > taken + (dumb ? 1 : 7)) { set xtics add (tick number_from(tick)); taken = here + wide / 2 } else { set xtics add ("" number_from(tick)) } }'
if (!ticks && !log_x && !dumb) {
  step = X_max > X_min ? round_step(2.5 * (X_max - X_min) / (panel_w / 42)) : 1
  step = step < 1 ? 1 : step
  set xtics step
}
do for [p = 1:shown_panels] {
  panel = meta(sprintf("panel_%d", p))
  col = (p - 1) % across
  row = (p - 1) / across
  last = p + across > shown_panels
  set yrange [y_low[p] : y_high[p]]
  if (print_out) { set ytics round_step((y_high[p] - y_low[p]) / 2.4) }
  if (ticks) { set xtics ("" X_min); taken = -1e9; eval place_tick }
  unset label; unset arrow
  if (dumb) {
    set lmargin at screen 10.0/width
    set rmargin at screen 1 - 2.0/width
    set tmargin at screen 1 - (p == 1 ? 3.0 : 1 + (p - 1) * real(height) / shown_panels) / height
    set bmargin at screen 1 - (p * real(height) / shown_panels - 2) / height
    if (p > 1) { set title panel } else { set title headline_title."\n".headline_shown."\n".panel noenhanced }
    if (shown_panels > 1) { set key off }
  } else {
    if (p == 1) { eval headline }
    set lmargin at screen (10.0 + col * cell_w + 56) / width
    set rmargin at screen (10.0 + (col + 1) * cell_w - right) / width
    set tmargin at screen 1 - (top + row * cell_h + 22) / height
    set bmargin at screen 1 - (top + (row + 1) * cell_h - 12) / height
    set label 910 panel at graph 0, graph 1 + 11.0 / panel_h left font pt(13) textcolor rgb ink noenhanced
    if (last) { set format x "%h" } else { set format x "" }
    do for [k = 1:lines] {
      if (of_panel(k)) {
        y = number(sprintf("line_%d", k))
        set arrow 920 + k from graph 0, first y to graph 1, first y nohead back linewidth 1.2 dashtype (2,3) linecolor rgb ink
      }
    }
    if (agree) {
      set arrow 911 from first kept, graph 0 to first kept, graph 1 nohead back linewidth 1.2 dashtype (6,3) linecolor rgb soft
      if (row == 0) {
        words = sprintf("%s %g kept", meta("x"), kept)
        here = place_x(kept)
        if (here < 0.25) { set label 911 words at first kept, graph 1 + 27.0 / panel_h left font small textcolor rgb soft noenhanced } else {
          if (here > 0.75) { set label 911 words at first kept, graph 1 + 27.0 / panel_h right font small textcolor rgb soft noenhanced } else {
            set label 911 words at first kept, graph 1 + 27.0 / panel_h center font small textcolor rgb soft noenhanced
          }
        }
        set arrow 912 from first kept, graph 1 to first kept, graph 1 + 20.0 / panel_h nohead back linewidth 1.2 dashtype (6,3) linecolor rgb soft
      }
    }
    # names of curves and lines at their right ends, moved apart where they would meet
    array place[counted_series + lines + 1]
    array order[counted_series + lines + 1]
    used = 0
    do for [j = 1:counted_series + lines] {
      if (j > counted_series) { y = of_panel(j - counted_series) ? number(sprintf("line_%d", j - counted_series)) : NaN } else {
        y = direct ? y_last[(p - 1) * counted_series + j] : NaN
      }
      if (y == y) {
        here = (y - y_low[p]) / (y_high[p] - y_low[p]) * panel_h
        used = used + 1
        k = used
        while (k > 1 && place[k > 1 ? k - 1 : 1] > here) { place[k] = place[k - 1]; order[k] = order[k - 1]; k = k - 1 }
        place[k] = here
        order[k] = j
      }
    }
    do for [k = 2:used] { if (place[k] < place[k - 1] + line_step) { place[k] = place[k - 1] + line_step } }
    if (used > 0 && place[used > 0 ? used : 1] > panel_h) { place[used] = panel_h }
    do for [j = 2:used] { k = used + 1 - j; if (place[k] > place[k + 1] - line_step) { place[k] = place[k + 1] - line_step } }
    do for [k = 1:used] {
      j = order[k]
      if (j > counted_series && narrow) {
        set label 940 + k meta(sprintf("line_%d_name", j - counted_series)) at graph 0.98, graph (place[k] + (place[k] > panel_h - 18 ? -9 : 9)) / panel_h right font small textcolor rgb ink front noenhanced
      }
      if (j > counted_series && !narrow) {
        set label 940 + k meta(sprintf("line_%d_name", j - counted_series)) at graph 1 + 6.0 / panel_w, graph place[k] / panel_h left font small textcolor rgb ink noenhanced
      }
      if (j <= counted_series) {
        set label 940 + k series(j) at graph 1 + 6.0 / panel_w, graph place[k] / panel_h left font small textcolor rgb word_of(j) noenhanced
      }
    }
  }
  if (last) { set xlabel meta("x") textcolor rgb ink font pt(12) offset 0,0.6 } else { unset xlabel }
  if (many) {
    plot for [s = 1:counted_series] table skip 1 using 3:(at(panel, series(s), 4)) with lines linewidth 0.8 linecolor rgb pale notitle, \
      table skip 1 using 3:(strcol(1) eq panel ? $4 : NaN) smooth unique with linespoints linewidth 2.4 pointtype 7 pointsize 0.4 linecolor rgb c_pair title "mean"
  } else {
    plot for [s = 1:counted_series] table skip 1 using (aside($3, s, -0.006)):(at(panel, "runs of ".series(s), 4)) with points pointtype mark[1 + (s - 1) % 6] pointsize 0.35 linecolor rgb "#a0".of(s)[2:7] notitle, \
      for [s = 1:counted_series] table skip 1 using (aside($3, s, 0)):(at(panel, series(s), 4)):(at(panel, series(s), 5)):(at(panel, series(s), 6)) \
      with yerrorbars pointtype mark[1 + (s - 1) % 6] pointsize 0.01 linewidth 1.2 linecolor rgb of(s) notitle, \
      for [s = 1:counted_series] table skip 1 using (aside($3, s, 0)):(at(panel, series(s), 4)) with linespoints pointtype mark[1 + (s - 1) % 6] pointsize 0.5 pointinterval every \
      linetype 101 + (s - 1) % 6 linewidth 1.8 linecolor rgb of(s) title series(s), \
      for [s = 1:counted_series] table skip 1 using 3:(!agree && column(3) == number(sprintf("kept_%d", s)) ? at(panel, series(s), 4) : NaN) with points pointtype 6 pointsize 1.1 linewidth 1.8 linecolor rgb of(s) notitle
  }
  unset label 901; unset label 902; unset label 903
}
unset multiplot
