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
# dark to light: told apart in print and by colour-blind eyes
set palette defined (0 "#2c1e5c", 0.25 "#3b528b", 0.5 "#21918c", 0.75 "#5ec962", 1 "#fde725")
set cblabel meta("measure") textcolor rgb ink
set cbtics textcolor rgb soft
# before the ranges are set, which stats obeys
stats table skip 1 using 5 name "V" nooutput
nx = int(real(meta("columns"))); ny = int(real(meta("rows")))
set xrange [0.5 : nx + 0.5]
set yrange [0.5 : ny + 0.5]
set xtics ("" 0)
set ytics ("" 0)
do for [i = 1:nx] { set xtics add (meta(sprintf("column_%d", i)) i) }
do for [i = 1:ny] { set ytics add (meta(sprintf("row_%d", i)) i) }
if (!dumb) { set rmargin at screen 1 - 125.0/width }
middle = (V_min + V_max) / 2
set style fill solid 1.0 noborder
set boxwidth 0.94
# not plain white, which is the paper's colour on a page and changes with it
# columns: x y column row value: the names of the cell, its place, the measure
plot table skip 1 using 3:4:(0.47):(0.47):5 with boxxyerror linecolor palette notitle, \
     '' skip 1 using 3:($5 > middle ? $4 : NaN):(sprintf("%.3f", $5)) with labels textcolor rgb "#111111" font pt(12) noenhanced notitle, \
     '' skip 1 using 3:($5 <= middle ? $4 : NaN):(sprintf("%.3f", $5)) with labels textcolor rgb "#fefefe" font pt(12) noenhanced notitle
