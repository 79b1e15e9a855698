# Cumulated variance before and after on the same axes: broken lines before, solid ones after.
call "style.gp" "variance_before_after" ARG1 ARG2 ARG3 ARG4
headline_title = "Variance carried by the first components, before and after"
headline_shown = sprintf("participation ratio: %s %s, then %s; %s %s, then %s", images_word, meta("before_image_ratio"), meta("after_image_ratio"), word_or("texts_word", "texts"), meta("before_text_ratio"), meta("after_text_ratio"))
eval headline
set xlabel "number of components" textcolor rgb ink
set ylabel "cumulated share of the variance" textcolor rgb ink offset 0.8,0
d = real(meta("before_dim")) > real(meta("after_dim")) ? real(meta("before_dim")) : real(meta("after_dim"))
set yrange [0:1.02]
set xrange [1:d]
# columns: when components image text joint uniform (cumulated shares)
of(when, k) = strcol(1) eq when ? column(k) : NaN
plot table skip 1 using 2:(of("after", 6)) with lines linewidth 1.4 dashtype (3,4) linecolor rgb soft title "uniform", \
     '' skip 1 using 2:(of("before", 3)) with lines linewidth 1.6 dashtype (9,5) linecolor rgb c_image notitle, \
     '' skip 1 using 2:(of("before", 4)) with lines linewidth 1.6 dashtype (9,5) linecolor rgb c_text notitle, \
     '' skip 1 using 2:(of("after", 3)) with lines linewidth 2.2 linecolor rgb c_image title images_word, \
     '' skip 1 using 2:(of("after", 4)) with lines linewidth 2.2 linecolor rgb c_text title word_or("texts_word", "texts"), \
     keyentry with lines linewidth 1.6 dashtype (9,5) linecolor rgb ink title "before", \
     keyentry with lines linewidth 2.2 linecolor rgb ink title "after"
