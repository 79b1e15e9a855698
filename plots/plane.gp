# The uniformity–alignment plane: down and to the left is better.
call "style.gp" "plane" ARG1 ARG2 ARG3 ARG4
headline_title = "Uniformity and alignment: lower is better on both"
headline_shown = sprintf("uniformity %s, alignment %s", meta("uniformity"), meta("alignment"))
eval headline
set xlabel (print_out ? "uniformity" : "uniformity, mean of both modalities (log)") textcolor rgb ink
set ylabel (print_out ? "alignment" : "alignment, mean squared distance of pairs") textcolor rgb ink offset 0.8,0
sphere = real(meta("sphere"))
if (!dumb) { set grid xtics ytics }
stats table skip 1 using 3 name "U" nooutput
stats table skip 1 using 4 name "A" nooutput
stats table skip 1 using (valid(8) ? $8 : $4) name "H" nooutput
set xrange [(U_min < sphere ? U_min : sphere) - 0.4 : 0]
top = (H_max > 1 ? H_max : 1) * 1.15
set yrange [-0.04 * top : top]
set arrow 1 from first sphere, graph 0 to first sphere, graph 1 nohead linewidth 1.4 dashtype (4,4) linecolor rgb soft
set label 1 "uniform sphere" at first sphere, graph 0.98 right rotate by 90 offset -0.9,0 textcolor rgb soft font pt(11)
set key off

# columns: name kind uniformity alignment uniformity_low uniformity_high alignment_low alignment_high; kind: this or reference
is(kind, wanted) = kind eq wanted
# a name near the end of the axis stands to the left of its point
late(x) = x > -1
plot table skip 1 using (is(strcol(2), "reference") ? $3 : NaN):4 with points pointtype 6 pointsize 1.1 linecolor rgb c_cross notitle, \
     '' skip 1 using (is(strcol(2), "reference") ? $3 : NaN):4:1 with labels left offset 1,0 textcolor rgb soft font pt(11) noenhanced notitle, \
     '' skip 1 using (is(strcol(2), "this") ? $3 : NaN):4 with points pointtype 7 pointsize 1.4 linecolor rgb c_pair notitle, \
     '' skip 1 using (is(strcol(2), "this") ? $3 : NaN):4:5:6:7:8 with xyerrorbars pointtype 7 pointsize 1.4 linewidth 1.6 linecolor rgb c_pair notitle, \
     '' skip 1 using (is(strcol(2), "this") && !late($3) ? $3 : NaN):4:1 with labels left offset 1.2,0.6 textcolor rgb ink font pt(12) noenhanced notitle, \
     '' skip 1 using (is(strcol(2), "this") && late($3) ? $3 : NaN):4:1 with labels right offset -1.2,0.6 textcolor rgb ink font pt(12) noenhanced notitle
