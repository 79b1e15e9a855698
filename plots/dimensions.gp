# Where the gap lies: the difference of the two centroids, coordinate by coordinate.
call "style.gp" "dimensions" ARG1 ARG2 ARG3 ARG4
headline_title = "The gap, coordinate by coordinate"
headline_shown = meta("largest_two")." of the squared centroid distance"
eval headline
set xlabel "coordinate (from 0)" textcolor rgb ink
difference = print_out ? images_word." − ".texts_word : "mean of the ".images_word." − mean of the ".texts_word
if (!dumb && !print_out && 7.2 * strlen(difference) > plot_height + 60) { difference = "difference of the two means" }
set ylabel difference noenhanced textcolor rgb ink offset 0.8,0
d = number_from(meta("dim"))
set xrange [-0.02*d - 0.5 : 1.02*d - 0.5]
# above and below the bars there is space for a number and a name
set offsets 0, 0, graph 0.16, graph 0.16
set xzeroaxis linetype 1 linewidth 0.8 linecolor rgb soft
thick = d > 400 ? 1.0 : d > 100 ? 2 : d > 30 ? 5 : 12
eval no_key
if (!dumb) {
  set label 910 "larger in ".images_word at graph 0.99, graph 0.965 right textcolor rgb w_image noenhanced
  set label 911 "larger in ".texts_word at graph 0.99, graph 0.035 right textcolor rgb w_text noenhanced
}
# the largest by their number, the first two with their share; a smaller one that a larger would touch stays without
array named[16]; array height[16]; array holds[16]; array wide[16]; array kept[16]
n = 0
stats table skip 1 using (!valid(6) || n > 15 ? 0 : (n = n + 1, named[n] = $1, height[n] = $4, holds[n] = $5, 1)) nooutput
stats table skip 1 using 4 name "G" nooutput
unit_x = 1.04 * d / plot_width
unit_y = 1.32 * (G_max - G_min > 0 ? G_max - G_min : 1) / plot_height
share_of(k) = k == number_from(meta("first_coordinate")) ? meta("first_share") : k == number_from(meta("second_coordinate")) ? meta("second_share") : ""
text_of(k) = sprintf("%d", k).(strlen(share_of(k)) ? ": ".share_of(k) : "")
touches(i, j) = height[i] * height[j] > 0 && abs(named[i] - named[j]) < 4 * (strlen(text_of(named[i])) + strlen(text_of(named[j]))) * unit_x && abs(height[i] - height[j]) < 15 * unit_y
do for [i = 1:n] { kept[i] = -1 }
do for [round = 1:n] {
  best = 0
  do for [i = 1:n] { if (kept[i] < 0 && (best == 0 || holds[i] > holds[best])) { best = i } }
  blocked = sum [j = 1:n] (kept[j] > 0 && touches(best, j) ? 1 : 0)
  kept[best] = blocked ? 0 : 1
  if (kept[best] && !dumb) {
    set label 920 + best text_of(named[best]) at named[best], height[best] center offset 0, (height[best] < 0 ? -0.7 : 0.7) textcolor rgb ink noenhanced
  }
}

# columns: coordinate image_mean text_mean difference share label (the ten largest shares have a label)
plot table skip 1 using 1:($4 >= 0 ? $4 : NaN) with impulses linewidth thick linecolor rgb c_image notitle, \
     '' skip 1 using 1:($4 < 0 ? $4 : NaN) with impulses linewidth thick linecolor rgb c_text notitle, \
     keyentry with lines linewidth 6 linecolor rgb c_image title "larger in ".images_word, \
     keyentry with lines linewidth 6 linecolor rgb c_text title "larger in ".texts_word
