# Where the gap lies: the difference of the two centroids, coordinate by coordinate.
call "style.gp" "dimensions" ARG1 ARG2 ARG3 ARG4
headline_title = "The gap, coordinate by coordinate"
headline_shown = sprintf("the largest coordinate holds %s of the squared centroid distance", meta("largest"))
eval headline
set xlabel "coordinate (from 0)" textcolor rgb ink
difference = print_out ? images_word." − ".texts_word : "mean of the ".images_word." − mean of the ".texts_word
set ylabel difference textcolor rgb ink offset 0.8,0
# a name may have a _
if (strlen(meta("image_word"))) { set ylabel difference noenhanced textcolor rgb ink offset 0.8,0 }
d = real(meta("dim"))
set xrange [-0.02*d - 0.5 : 1.02*d - 0.5]
set offsets 0, 0, graph 0.08, graph 0.08
set xzeroaxis linetype 1 linewidth 0.8 linecolor rgb soft
thick = d > 400 ? 1.0 : d > 100 ? 2 : d > 30 ? 5 : 12

# columns: coordinate image_mean text_mean difference share label (the ten largest shares have a label)
plot table skip 1 using 1:($4 >= 0 ? $4 : NaN) with impulses linewidth thick linecolor rgb c_image notitle, \
     '' skip 1 using 1:($4 < 0 ? $4 : NaN) with impulses linewidth thick linecolor rgb c_text notitle, \
     keyentry with lines linewidth 6 linecolor rgb c_image title "larger in ".images_word, \
     keyentry with lines linewidth 6 linecolor rgb c_text title "larger in ".texts_word, \
     '' skip 1 using 1:($4 >= 0 ? $4 : NaN):(strcol(6) eq "NA" ? "" : strcol(6)) with labels offset 0,0.7 font pt(11) textcolor rgb ink noenhanced notitle, \
     '' skip 1 using 1:($4 < 0 ? $4 : NaN):(strcol(6) eq "NA" ? "" : strcol(6)) with labels offset 0,-0.7 font pt(11) textcolor rgb ink noenhanced notitle
