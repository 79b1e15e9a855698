# The uniformity–alignment plane: down and to the left is better.
call "style.gp" "plane" ARG1 ARG2 ARG3 ARG4
headline_title = "Uniformity and alignment: lower is better on both"
headline_shown = sprintf("uniformity %s, alignment %s", meta("uniformity"), meta("alignment"))
eval headline
set xlabel (print_out ? "uniformity" : "uniformity, mean of both modalities (log)") textcolor rgb ink
set ylabel (print_out ? "alignment" : "alignment, mean squared distance of pairs") textcolor rgb ink offset 0.8,0
sphere = number_from(meta("sphere"))
if (!dumb) { set grid xtics ytics }
eval no_key
# columns: name kind uniformity alignment uniformity_low uniformity_high alignment_low alignment_high; kind: this or reference
stats table skip 1 using 3 name "U" nooutput
stats table skip 1 using 4 name "A" nooutput
stats table skip 1 using (valid(8) ? $8 : $4) name "H" nooutput
x_low = (U_min < sphere ? U_min : sphere) - 0.4
top = (H_max > 1 ? H_max : 1) * 1.15
y_low = -0.04 * top
set xrange [x_low : 0]
set yrange [y_low : top]
set arrow 1 from first sphere, graph 0 to first sphere, graph 1 nohead linewidth 1.4 dashtype (4,4) linecolor rgb ink
set label 1 "uniform sphere" at first sphere, graph 0.98 right rotate by 90 offset -0.9,0 textcolor rgb soft
set key off

# names, each on the side of its point that is free: right, left, above, below
n = 0
array spot_x[12]; array spot_y[12]; array low_x[12]; array high_x[12]; array low_y[12]; array high_y[12]; array name[12]; array own[12]
across(u) = (u - x_low) / (0 - x_low) * plot_width
up(a) = (a - y_low) / (top - y_low) * plot_height
stats table skip 1 using (n < 12 ? (n = n + 1, spot_x[n] = across($3), spot_y[n] = up($4), name[n] = strcol(1), own[n] = strcol(2) eq "this", \
  low_x[n] = (valid(5) ? across(column(5)) : spot_x[n] - 6), high_x[n] = (valid(6) ? across(column(6)) : spot_x[n] + 6), \
  low_y[n] = (valid(7) ? up(column(7)) : spot_y[n] - 6), high_y[n] = (valid(8) ? up(column(8)) : spot_y[n] + 6), 1) : 1) nooutput
array from_x[12]; array from_y[12]; array wide[12]
overlap(a, b, w, v) = a < b + v && b < a + w
on_point(i, k, bx, by) = overlap(bx, low_x[k], wide[i], high_x[k] - low_x[k]) && overlap(by, spot_y[k] - 7, 15, 14) || overlap(bx, spot_x[k] - 7, wide[i], 14) && overlap(by, low_y[k], 15, high_y[k] - low_y[k])
on_name(i, k, bx, by) = overlap(bx, from_x[k], wide[i], wide[k]) && overlap(by, from_y[k], 15, 15)
inside(bx, w) = bx < 2 ? 2 : bx + w > plot_width - 2 ? plot_width - 2 - w : bx
outside(bx, by, w) = bx < 2 || bx + w > plot_width || by < 0 || by + 15 > plot_height
on_sphere(bx, w) = bx < across(sphere) + 4 && bx + w > across(sphere) - 18
if (!dumb) {
  do for [i = 1:n] {
    wide[i] = 7.4 * strlen(name[i])
    best = 1e9
    do for [side = 1:4] {
      bx = side == 1 ? high_x[i] + 7 : side == 2 ? low_x[i] - wide[i] - 7 : inside(spot_x[i] - wide[i] / 2, wide[i])
      by = side < 3 ? spot_y[i] - 7.5 : side == 3 ? high_y[i] + 5 : low_y[i] - 20
      cost = side + 40 * outside(bx, by, wide[i]) + 4 * on_sphere(bx, wide[i]) + 10 * (sum [k = 1:n] on_point(i, k, bx, by)) + (i > 1 ? 20 * (sum [k = 1:i-1] on_name(i, k, bx, by)) : 0)
      if (cost < best) { best = cost; from_x[i] = bx; from_y[i] = by }
    }
    set label 920 + i name[i] at graph from_x[i] / plot_width, graph (from_y[i] + 7.5) / plot_height left textcolor rgb (own[i] ? w_pair : ink) front noenhanced
  }
}

is(kind, wanted) = kind eq wanted
plot table skip 1 using (is(strcol(2), "reference") ? $3 : NaN):4 with points pointtype 6 pointsize 1.1 linewidth 1.4 linecolor rgb ink notitle, \
     '' skip 1 using (is(strcol(2), "reference") && dumb ? $3 : NaN):4:1 with labels left offset 1,0 notitle, \
     '' skip 1 using (is(strcol(2), "this") ? $3 : NaN):4 with points pointtype 7 pointsize 1.4 linecolor rgb c_pair notitle, \
     '' skip 1 using (is(strcol(2), "this") ? $3 : NaN):4:5:6:7:8 with xyerrorbars pointtype 7 pointsize 1.4 linewidth 1.6 linecolor rgb c_pair notitle, \
     '' skip 1 using (is(strcol(2), "this") && dumb ? $3 : NaN):4:1 with labels left offset 1.2,0.6 notitle
