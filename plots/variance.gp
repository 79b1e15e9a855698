# How many directions the rows use: cumulated variance of the principal components against the uniform line.
call "style.gp" "variance" ARG1 ARG2 ARG3 ARG4
headline_title = "Variance carried by the first principal components"
headline_shown = "participation ratio ".meta("ratios")
eval headline
set xlabel "number of components, from one to all" textcolor rgb ink
set ylabel "cumulated share of the variance" textcolor rgb ink offset 0.8,0
d = number_from(meta("dim"))
set yrange [0:1.06]
set ytics 0.2
set xrange [1 : d > 1 ? d : 2]
# of a few hundred components the first ten matter most
set logscale x 10
do for [k in "1 2 5 10 20 50 100 200 500 1000 2000 5000"] { if (k <= d) { set xtics add (k real(k)) } }

spaces = meta("spaces")
text_name = spaces eq "one modality" ? "" : texts_word
joint_name = strlen(spaces) ? "" : "joint"
uniform_name = spaces eq "two" ? "uniform in the wider space" : "uniform"
eval no_key
# columns: components image text joint uniform (cumulated shares)
if (!dumb) {
  call "labels.gp" "begin"
  curve_name[1] = images_word; curve_word[1] = w_image
  curve_name[2] = text_name; curve_word[2] = w_text
  curve_name[3] = joint_name; curve_word[3] = w_joint
  curve_name[4] = uniform_name; curve_word[4] = w_cross
  at(c, y) = curve_at(c, d > 1 ? log($1) / log(d) : 0, y / 1.06)
  stats table skip 1 using (at(1, $2) + (valid(3) ? at(2, $3) : 0) + (valid(4) ? at(3, $4) : 0) + at(4, $5)) nooutput
  call "labels.gp" "place"
}
plot table skip 1 using 1:5 with lines linewidth 1.6 dashtype (2,4) linecolor rgb c_cross title uniform_name, \
     '' skip 1 using 1:4 with lines linewidth 2.2 dashtype (8,3,2,3) linecolor rgb c_joint title joint_name, \
     '' skip 1 using 1:2 with lines linewidth 2.2 linecolor rgb c_image title images_word, \
     '' skip 1 using 1:3 with lines linewidth 2.2 dashtype (12,4) linecolor rgb c_text title text_name
