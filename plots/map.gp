# A sweep over two options: one measure as a map.
call "style.gp" "map" ARG1 ARG2 ARG3 ARG4
headline_title = meta("title")
headline_shown = (hover ? meta("measure").": " : "").meta("shown")
eval headline

set xlabel meta("x") textcolor rgb ink
set ylabel meta("y") textcolor rgb ink
set key off
unset grid
set border 0
set tics scale 0
# viridis: equal steps look equal, also to colour-blind eyes and in greys
set palette defined (0 "#440154", 0.125 "#472d7b", 0.25 "#3b528b", 0.375 "#2c728e", 0.5 "#21918c", 0.625 "#28ae80", 0.75 "#5ec962", 0.875 "#addc30", 1 "#fde725")
set cblabel meta("measure") textcolor rgb ink
set cbtics textcolor rgb soft
# before the ranges are set, which stats obeys
stats table skip 1 using 5 name "V" nooutput
nx = int(number_from(meta("columns"))); ny = int(number_from(meta("rows")))
set xrange [0.5 : nx + 0.5]
set yrange [0.5 : ny + 0.5]
set xtics ("" 0)
set ytics ("" 0)
do for [i = 1:nx] { set xtics add (meta(sprintf("column_%d", i)) i) }
do for [i = 1:ny] { set ytics add (meta(sprintf("row_%d", i)) i) }
longest = 0
do for [i = 1:ny] { longest = strlen(meta(sprintf("row_%d", i))) > longest ? strlen(meta(sprintf("row_%d", i))) : longest }
if (!dumb && !print_out) { set lmargin at screen (48 + 7.5 * longest)/width; set rmargin at screen 1 - 125.0/width; set tmargin at screen 1 - (hover ? 44.0 : 70.0)/height }
best = meta("better") eq "higher" ? V_max : V_min
is_best(v) = strlen(meta("better")) && v == best
# the paper's white is read on the darker part of the scale, near black on the rest, each at a contrast above 4.5
words_on(v) = (v - V_min) < 0.42 * (V_max - V_min) ? 0xfefefe : 0x111111
number_of(v) = sprintf("%.3f", v).(is_best(v) ? "\nbest" : "")
font_size = nx > 8 || ny > 10 ? 10 : 13
set style fill solid 1.0 noborder
set boxwidth 0.94
# not plain white, which is the paper's colour on a page and changes with it
# columns: x y column row value: the names of the cell, its place, the measure
plot table skip 1 using 3:4:(0.47):(0.47):5 with boxxyerror linecolor palette notitle, \
     '' skip 1 using (is_best($5) ? $3 : NaN):4:(0.47):(0.47) with boxxyerror fillstyle empty border rgb ink linecolor rgb ink linewidth 3.5 notitle, \
     '' skip 1 using 3:4:(number_of($5)):(words_on($5)) with labels textcolor rgb variable font pt(font_size) noenhanced notitle
