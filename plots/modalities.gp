# Rows of all modalities on the first two principal components of their pool, each modality in its colour and mark, with
# its centroid and its name.
call "style.gp" "modalities" ARG1 ARG2 ARG3 ARG4
counted = strlen(meta("file")) + strlen(meta("counted")) > 90 ? meta("counted") : meta("file").": ".meta("counted")
headline_title = "All modalities on the two main axes of the pooled space"
headline_shown = meta("shown")
eval headline
set xlabel component(1) textcolor rgb ink
set ylabel component(2) textcolor rgb ink offset 1,0
if (!dumb) { set grid xtics ytics }
eval no_key
n = int(number_from(meta("modalities")))
# images and texts keep their colours; a seventh and an eighth take two again, with hollow marks
array colour[8] = [c_image, c_text, c_pair, c_joint, ink, c_sixth, c_image, c_text]
array shade[8] = [w_image, w_text, w_pair, w_joint, ink, w_sixth, w_image, w_text]
array mark[8] = [7, 9, 5, 11, 13, 2, 6, 8]
name_of(i) = meta(sprintf("name_%d", i))
centre(i, axis) = number_from(meta(sprintf("centre_%s_%d", axis, i)))
# columns: modality index row x y
# one unit is as long on both axes
stats table skip 1 using 4 name "A" nooutput
stats table skip 1 using 5 name "B" nooutput
high(a, b) = a > b ? a : b
x_mid = (A_min + A_max) / 2; x_half = (A_max - A_min) * 0.53
y_mid = (B_min + B_max) / 2; y_half = (B_max - B_min) * 0.53
unit = high(high(x_half / (plot_width - (dumb ? 0 : 120)), y_half / plot_height), 1e-6)
x_low = x_mid - unit * plot_width
y_low = y_mid - unit * plot_height
set xrange [x_low : x_low + 2 * unit * plot_width]
set yrange [y_low : y_low + 2 * unit * plot_height]
point_size = kind eq "svg" ? 0.38 : 0.5
do for [i = 1:n] { set style line i linecolor rgb colour[i] pointtype mark[i] pointsize point_size }
# a name at the side of its cloud that has fewest points of any, and no name: of 96 places around its centroid
array name_x[8]; array name_y[8]; array wide[8]; array cells[48 * 32]
columns = 48; rows = 32
cell(px, py) = px < 0 || py < 0 || px >= plot_width || py >= plot_height ? 0 : 1 + int(px / plot_width * columns) + columns * int(py / plot_height * rows)
if (!dumb) {
  do for [k = 1:columns * rows] { cells[k] = 0 }
  stats table skip 1 using (k = cell(($4 - x_low) / (2 * unit), ($5 - y_low) / (2 * unit)), k ? (cells[k] = cells[k] + 1, 1) : 0) nooutput
  under(x, y, w) = sum [a = 0:4] sum [b = -1:1] (k = cell(x + a * w / 4.0, y + b * 7), k ? cells[k] : 0)
  apart(i, k, x, y) = abs(y - name_y[k]) < 17 && x < name_x[k] + wide[k] + 6 && name_x[k] < x + wide[i] + 6
  do for [i = 1:n] {
    wide[i] = 7.4 * strlen(name_of(i)) + 12
    cx = (centre(i, "x") - x_low) / (2 * unit); cy = (centre(i, "y") - y_low) / (2 * unit)
    best = 1e9
    do for [ring = 0:7] { do for [turn = 0:11] {
      reach = 12 + 18 * ring
      x_here = cx + reach * cos(turn * pi / 6) + (cos(turn * pi / 6) < -0.3 ? -wide[i] : cos(turn * pi / 6) < 0.3 ? -wide[i] / 2 : 0)
      y_here = cy + reach * sin(turn * pi / 6)
      if (x_here > 2 && x_here + wide[i] < plot_width - 2 && y_here > 10 && y_here < plot_height - 10) {
        cost = 8 * under(x_here, y_here, wide[i]) + reach + (i > 1 ? 2000 * (sum [k = 1:i-1] apart(i, k, x_here, y_here)) : 0)
        if (cost < best) { best = cost; name_x[i] = x_here; name_y[i] = y_here }
      }
    } }
    if (best < 1e9) {
      set label 920 + i name_of(i) at graph (name_x[i] + 12) / plot_width, graph name_y[i] / plot_height left textcolor rgb shade[i] front noenhanced
      set label 930 + i "" at graph (name_x[i] + 5) / plot_width, graph name_y[i] / plot_height point pointtype mark[i] pointsize 0.8 linecolor rgb colour[i] front
      if (abs(name_x[i] + wide[i] / 2 - cx) > wide[i] / 2 + 14 || abs(name_y[i] - cy) > 18) {
        set arrow 920 + i from graph (name_x[i] > cx ? name_x[i] : name_x[i] + wide[i] < cx ? name_x[i] + wide[i] : cx) / plot_width, graph (name_y[i] + (name_y[i] > cy + 10 ? -8 : name_y[i] < cy - 10 ? 8 : 0)) / plot_height to centre(i, "x"), centre(i, "y") nohead linewidth 0.8 linecolor rgb shade[i] front
      }
    }
  }
}
if (hover) {
  plot for [i = 1:n] table skip 1 using ($2 == i ? $4 : NaN):5:(sprintf("%s row %s", strcol(1), strcol(3))) with labels hypertext point linestyle i notitle, \
       for [i = 1:n] '+' every ::0::0 using (centre(i, "x")):(centre(i, "y")) with points pointtype mark[i] pointsize 1.3 linecolor rgb ink notitle
} else {
  plot for [i = 1:n] table skip 1 using ($2 == i ? $4 : NaN):5 with points linestyle i notitle, \
       for [i = 1:n] keyentry with points linestyle i pointsize 2*point_size title name_of(i), \
       for [i = 1:n] '+' every ::0::0 using (dumb ? NaN : centre(i, "x")):(centre(i, "y")) with points pointtype mark[i] pointsize 1.3 linecolor rgb ink notitle
}
