# Who loses: the rank of each query's partner before and after, in the search in the other modality.
call "style.gp" "who_loses" ARG1 ARG2 ARG3 ARG4
headline_title = "Queries that lose, and that win"
headline_shown = sprintf("%s rank worse than before, %s better, %s the same", meta("worse"), meta("better"), meta("same"))
eval headline
set xlabel "rank of the partner before" textcolor rgb ink
set ylabel "rank of the partner after" textcolor rgb ink offset 0.8,0
# columns: rank_before rank_after change queries
last = 10
stats table skip 1 using (last = $1 > last ? $1 : last, last = $2 > last ? $2 : last, $4) name "Q" nooutput
set logscale xy 10
set format xy "%h"
set xrange [0.75 : last * 2]
set yrange [0.75 : last * 2]
if (!dumb) { set grid noxtics noytics }
# area for number
size(n) = 0.45 + 2.6 * sqrt(n / (Q_max > 30 ? Q_max : 30.0))
is(change) = strcol(3) eq change ? $2 : NaN
set arrow 1 from 0.75, 0.75 to last * 2, last * 2 nohead back linewidth 1.2 linecolor rgb soft
if (!dumb && !print_out) {
  set arrow 2 from 10.5, graph 0 to 10.5, graph 1 nohead back linewidth 0.8 dashtype (3,3) linecolor rgb soft
  set arrow 3 from graph 0, first 10.5 to graph 1, first 10.5 nohead back linewidth 0.8 dashtype (3,3) linecolor rgb soft
  set label 2 "among the first 10 before alone: ".meta("lost_at_10") at graph 0.02, graph 0.96 left font pt(11) textcolor rgb ink front noenhanced
  set label 3 "among the first 10 after alone: ".meta("gained_at_10") at graph 0.98, graph 0.04 right font pt(11) textcolor rgb ink front noenhanced
}
plot table skip 1 using 1:(is("same")):(size($4)) with points pointtype 6 pointsize variable linewidth 1.2 linecolor rgb c_cross title "same", \
     '' skip 1 using 1:(is("better")):(size($4)) with points pointtype 6 pointsize variable linewidth 1.6 linecolor rgb c_pair title "better", \
     '' skip 1 using 1:(is("worse")):(size($4)) with points pointtype 9 pointsize variable linecolor rgb c_joint title "worse"
