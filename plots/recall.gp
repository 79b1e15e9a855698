# Retrieval: the share of queries whose own partner is among the first k.
call "style.gp" "recall" ARG1 ARG2 ARG3 ARG4
headline_title = "Recall at k"
headline_shown = sprintf("recall@1 %s %s to %s, %s %s to %s", meta("recall_image_to_text"), image_word, text_word, meta("recall_text_to_image"), text_word, image_word)
eval headline
set xlabel "k, the number of candidates looked at" textcolor rgb ink
set ylabel "share of queries" textcolor rgb ink offset 0.8,0
if (real(meta("last")) > 20) {
  set logscale x 10
  set xtics (1, 2, 5, 10, 20, 50, 100, 200, 500)
} else {
  set xtics 1, 1
}
set yrange [0:1.02]
set xrange [1:real(meta("last"))]

# columns: k image_to_text text_to_image chance_image_to_text chance_text_to_image
plot table skip 1 using 1:4 with lines linewidth 1.4 dashtype (4,4) linecolor rgb soft title "by chance", \
     '' skip 1 using 1:2 with linespoints pointtype 7 pointsize 0.5 linewidth 2 linecolor rgb c_image title image_word." to ".text_word, \
     '' skip 1 using 1:3 with linespoints pointtype 9 pointsize 0.6 linewidth 2 linecolor rgb c_text title text_word." to ".image_word
