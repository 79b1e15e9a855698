# Search in one index of both modalities, before and after: the fraction of queries whose partner is among the first k.
call "style.gp" "one_index" ARG1 ARG2 ARG3 ARG4
headline_title = "Search in one index of ".images_word." and ".texts_word
change(query) = meta(query."_query_ndcg_before")." → ".meta(query."_query_ndcg_after")
headline_shown = "nDCG@10: ".image_word." queries ".change("image").", ".text_word." queries ".change("text")
eval headline
set xlabel "rank of the partner in one index" textcolor rgb ink
set ylabel "share of queries up to it" textcolor rgb ink offset 0.8,0
# columns: rank image_query_before image_query_after text_query_before text_query_after
stats table skip 1 using 1 name "R" nooutput
set logscale x 10
set format x "%h"
set xrange [1 : R_max * 1.15]
set yrange [0 : 1.02]

# "before" and "after" stand at their curves, where these come nearest to a half; colours say whose queries
half(k) = (d = abs((column(k) + column(k + 2)) / 2 - 0.5), d < nearest ? (nearest = d, at_x = column(1), at_y = (column(k) + column(k + 2)) / 2) : 0, 0)
array middle_x[2]
array middle_y[2]
do for [w = 1:2] {
  nearest = 1e9
  stats table skip 1 using (half(w + 1)) nooutput
  middle_x[w] = at_x; middle_y[w] = at_y
}
along(x) = log(x) / log(R_max * 1.15)
# the name of the left curve is to its left, unless that is outside, that of the right one to its right
do for [w = 1:2] {
  time = w == 1 ? "before" : "after"
  is_left = w == 1 ? middle_x[1] < middle_x[2] : middle_x[2] <= middle_x[1]
  here = along(middle_x[w])
  if (!dumb) {
    if ((is_left && here > 0.15) || here > 0.88) {
      set label w time at graph here - 0.025, first middle_y[w] + 0.06 right textcolor rgb ink front noenhanced
    } else {
      set label w time at graph here + 0.025, first middle_y[w] - 0.06 left textcolor rgb ink front noenhanced
    }
  }
}
# letters have no dashes, and no place among the curves
if (dumb) { set key bmargin center vertical maxcols 1 }
when(time) = dumb ? ", ".time : ""
plot table skip 1 using 1:2 with lines linewidth 1.8 dashtype (7,4) linecolor rgb c_image title (dumb ? image_word." queries, before" : ""), \
     '' skip 1 using 1:4 with lines linewidth 1.8 dashtype (7,4) linecolor rgb c_text title (dumb ? text_word." queries, before" : ""), \
     '' skip 1 using 1:3 with linespoints linewidth 2.2 pointtype 7 pointsize 0.5 pointinterval 6 linecolor rgb c_image title image_word." queries".when("after"), \
     '' skip 1 using 1:5 with linespoints linewidth 2.2 pointtype 9 pointsize 0.6 pointinterval 6 linecolor rgb c_text title text_word." queries".when("after")
