# How many directions the rows use: cumulated variance of the principal components against the uniform line.
call "style.gp" "variance" ARG1 ARG2 ARG3 ARG4
headline_title = "Variance carried by the first principal components"
headline_shown = "participation ratio ".meta("ratios")
eval headline
set xlabel "number of components" textcolor rgb ink
set ylabel "cumulated share of the variance" textcolor rgb ink offset 0.8,0
set yrange [0:1.02]
set xrange [1:real(meta("dim"))]

spaces = meta("spaces")
# columns: components image text joint uniform (cumulated shares)
plot table skip 1 using 1:5 with lines linewidth 1.4 dashtype (4,4) linecolor rgb soft title (spaces eq "two" ? "uniform in the wider space" : "uniform"), \
     '' skip 1 using 1:4 with lines linewidth 1.8 dashtype (12,4) linecolor rgb c_joint title (strlen(spaces) ? "" : "joint"), \
     '' skip 1 using 1:2 with lines linewidth 2.2 linecolor rgb c_image title image_word, \
     '' skip 1 using 1:3 with lines linewidth 2.2 linecolor rgb c_text title (spaces eq "one modality" ? "" : text_word)
