# Rows of all modalities on the first two principal components of their pool, each modality in its colour, with its
# centroid and its name.
call "style.gp" "modalities" ARG1 ARG2 ARG3 ARG4
counted = meta("file").": ".meta("counted")
headline_title = "All modalities on the two main axes of the pooled space"
headline_shown = meta("shown")
eval headline
set xlabel component(1) textcolor rgb ink
set ylabel component(2) textcolor rgb ink offset 1,0
if (!dumb) { set grid xtics ytics }
n = int(real(meta("modalities")))
c_sky = dark ? "#8fd0f5" : "#2f8fc4"
array colour[8] = [c_image, c_text, c_pair, c_joint, c_fourth, c_third, c_cross, c_sky]
array mark[8] = [7, 9, 5, 11, 13, 7, 9, 5]
name_of(i) = meta(sprintf("name_%d", i))
centre(i, axis) = real(meta(sprintf("centre_%s_%d", axis, i)))
# columns: modality index row x y
# one unit is as long on both axes
if (!dumb && n > 5) { plot_height = plot_height - 20 }
stats table skip 1 using 4 name "A" nooutput
stats table skip 1 using 5 name "B" nooutput
high(a, b) = a > b ? a : b
x_mid = (A_min + A_max) / 2; x_half = (A_max - A_min) * 0.53
y_mid = (B_min + B_max) / 2; y_half = (B_max - B_min) * 0.53
unit = high(high(x_half / plot_width, y_half / plot_height), 1e-6)
set xrange [x_mid - unit * plot_width : x_mid + unit * plot_width]
set yrange [y_mid - unit * plot_height : y_mid + unit * plot_height]
point_size = kind eq "svg" ? 0.38 : 0.5
do for [i = 1:n] { set style line i linecolor rgb colour[i] pointtype mark[i] pointsize point_size }
set key noenhanced maxrows (n > 5 ? 2 : 1)
if (!dumb && n > 5) { set tmargin at screen 1 - (hover ? 86.0 : 110.0)/height }
set style textbox opaque margins 0.4,0.3 fillcolor rgb paper noborder
# on a page the boxes behind the names would need a filter, which it does not have
box = hover ? "" : "boxed"
# names that would cover each other are left to the legend
nearest = 1e9
do for [i = 1:n] { do for [k = 1:i-1] {
  apart = sqrt((centre(i, "x") - centre(k, "x"))**2 + (centre(i, "y") - centre(k, "y"))**2) / unit
  nearest = apart < nearest ? apart : nearest
} }
named(i) = nearest > 60 ? name_of(i) : ""
if (!dumb) {
  do for [i = 1:n] {
    set label 10 + i named(i) at centre(i, "x"), centre(i, "y") point pointtype mark[i] pointsize 1.1 linecolor rgb ink offset 0.9,0.6 textcolor rgb ink font pt(13) front noenhanced @box
  }
}
if (hover) {
  plot for [i = 1:n] table skip 1 using ($2 == i ? $4 : NaN):5:(sprintf("%s row %s", strcol(1), strcol(3))) with labels hypertext point linestyle i notitle, \
       for [i = 1:n] keyentry with points linestyle i pointsize 2*point_size title name_of(i)
} else {
  plot for [i = 1:n] table skip 1 using ($2 == i ? $4 : NaN):5 with points linestyle i notitle, \
       for [i = 1:n] keyentry with points linestyle i pointsize 2*point_size title name_of(i)
}
