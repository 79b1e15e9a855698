# Groups of images: the corrected distance of each with its interval, the widest first.
# a line per group: the picture is as high as the table is long
table_given = strlen(ARG1) ? ARG1 : "groups.tsv"
set datafile separator tab
stats table_given skip 1 using 1 name "G" nooutput
kind_given = strlen(ARG2) ? substr(ARG2, strlen(ARG2) - 2, strlen(ARG2)) : "svg"
high = int((ARG3 eq "paper" ? 100 : 210) + 17 * G_max)
wide = ARG3 eq "page" ? 640 : 760
# a height of 0 is this one
own_size = strlen(ARG4) && ARG4[strlen(ARG4) - 1 : *] eq ",0" ? ARG4[1 : strlen(ARG4) - 1].sprintf("%d", high) : strlen(ARG4) ? ARG4 : kind_given eq "png" ? sprintf("1520,%d", 2 * high) : kind_given eq "txt" ? "" : sprintf("%d,%d", wide, high)
call "style.gp" "groups" ARG1 ARG2 ARG3 own_size
if (!print_out) { set key maxrows 1 width -4 }
headline_title = "Corrected distance of each group"
headline_shown = sprintf("%s of %s groups differ from the rest", meta("marked"), meta("groups"))
if (number_from(meta("drawn")) < number_from(meta("groups"))) { headline_shown = headline_shown.sprintf("; %s are drawn, the widest and the narrowest", meta("drawn")) }
eval headline
set xlabel "corrected distance, 95 % interval".(print_out ? "" : "; the line is that of all rows") textcolor rgb ink
if (!dumb) {
  if (!print_out) {
    set lmargin at screen 190.0/width
    set key at screen 190.0/width, screen 1 - key_space/height
  } else {
    stats table skip 1 using 6 name "H" nooutput
    set xtics round_step(H_max / 2)
  }
  set grid xtics noytics
  set arrow 1 from first number_from(meta("whole")), graph 0 to first number_from(meta("whole")), graph 1 nohead linewidth 1.4 dashtype (4,4) linecolor rgb soft
}
set ytics textcolor rgb ink noenhanced scale 0
set yrange [number_from(meta("drawn")) + 0.7 : 0.3]
set xrange [0:*]

# columns: place name images distance low high marked
plot table skip 1 using ($7 == 0 ? $4 : NaN):1:5:6:ytic(2) with xerrorbars pointtype 6 pointsize 0.7 linewidth 1.3 linecolor rgb ink title "like the rest", \
     '' skip 1 using ($7 == 1 ? $4 : NaN):1:5:6:ytic(2) with xerrorbars pointtype 7 pointsize 0.9 linewidth 1.8 linecolor rgb c_pair title "differs from the rest"
