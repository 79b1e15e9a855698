# One measure of every pair of modalities as a map with its numbers.
call "style.gp" "matrix" ARG1 ARG2 ARG3 ARG4
counted = strlen(meta("file")) + strlen(meta("counted")) > 90 ? meta("counted") : meta("file").": ".meta("counted")
headline_title = meta("title")
headline_shown = meta("shown")
eval headline

n = int(number_from(meta("modalities")))
# before the ranges are set, outside of which it would see nothing
stats table skip 1 using 5 name "V" nooutput
set key off
unset grid
set border 0
set tics scale 0
# light to dark, the wider the darker: told apart in print and by colour-blind eyes
set palette defined (0 "#fde725", 0.25 "#5ec962", 0.5 "#21918c", 0.75 "#3b528b", 1 "#2c1e5c")
set cblabel meta("measure") textcolor rgb ink
set cbtics textcolor rgb soft
set xrange [0.5 : n + 0.5]
set yrange [n + 0.5 : 0.5]
set xtics ("" 0)
set ytics ("" 0)
do for [i = 1:n] { set xtics add (meta(sprintf("name_%d", i)) i); set ytics add (meta(sprintf("name_%d", i)) i) }
longest = 0
do for [i = 1:n] { longest = strlen(meta(sprintf("name_%d", i))) > longest ? strlen(meta(sprintf("name_%d", i))) : longest }
if (n * longest > 60) { set xtics rotate by 30 right }
set xtics textcolor rgb ink noenhanced
set ytics textcolor rgb ink noenhanced
if (!dumb) {
  set rmargin at screen 1 - 125.0/width
  set lmargin at screen (30.0 + 8.0 * (longest > 24 ? 24 : longest))/width
}
set cbrange [0 : V_max > 0 ? V_max : 1]
words_on(v) = v > (V_max > 0 ? V_max : 1) / 2 ? 0xfefefe : 0x111111
set style fill solid 1.0 noborder
# columns: a b column row value: the names, the place of the cell, the measure; NA on the diagonal
plot table skip 1 using 3:4:(0.47):(0.47):5 with boxxyerror linecolor palette notitle, \
     '' skip 1 using 3:4:(sprintf("%.3f", $5)):(words_on($5)) with labels textcolor rgb variable font pt(12) noenhanced notitle
