# growth.tsv as a picture: seconds and MiB against rows, seconds against dimensions
set terminal svg size 900,340 font "sans-serif,12" background "white"
set output svg
set datafile separator tab
set multiplot layout 1,3
set logscale xy
set grid lc rgb "#dddddd"
set key top left Left reverse samplen 1
set border 3
set tics nomirror
set format x "10^{%L}"
set xrange [700:1.5e6]
set xlabel "rows a side (d = 512)"
set title "seconds" offset 0,-0.5
plot table using (strcol(1) eq "exact" ? $2 : NaN):4 with linespoints pt 7 lc rgb "#1b6ca8" title "exact", \
     table using (strcol(1) eq "sampled" ? $2 : NaN):4 with linespoints pt 7 lc rgb "#c8553d" title "sampled"
set title "MiB at most"
plot table using (strcol(1) eq "exact" ? $2 : NaN):5 with linespoints pt 7 lc rgb "#1b6ca8" title "exact", \
     table using (strcol(1) eq "sampled" ? $2 : NaN):5 with linespoints pt 7 lc rgb "#c8553d" title "sampled"
set title "seconds"
set xlabel "dimensions (10,000 rows a side)"
set format x "%g"
set xrange [50:1300]
set xtics (64, 128, 256, 512, 1024)
plot table using (strcol(1) eq "dimensions" ? $3 : NaN):4 with linespoints pt 7 lc rgb "#1b6ca8" title "exact"
