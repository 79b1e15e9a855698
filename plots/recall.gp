# Retrieval: the share of queries whose own partner is among the first 1, 5 and 10, with intervals, next to guessing.
call "style.gp" "recall" ARG1 ARG2 ARG3 ARG4
headline_title = "Recall at k"
headline_shown = sprintf("recall@1 %s %s to %s, %s %s to %s", meta("recall_image_to_text"), image_word, text_word, meta("recall_text_to_image"), text_word, image_word)
# names may be long
if (strlen(headline_shown) > 80) { headline_shown = sprintf("recall@1 %s and %s", meta("recall_image_to_text"), meta("recall_text_to_image")) }
eval headline
set xlabel "k, the number of candidates looked at" textcolor rgb ink
set ylabel "share of queries" textcolor rgb ink offset 0.8,0
set yrange [0:1.02]
eval no_key

# columns: k image_to_text text_to_image chance_image_to_text chance_text_to_image, and the ends of intervals:
# image_to_text_low image_to_text_high text_to_image_low text_to_image_high
place(k) = k == 1 ? 0 : k == 5 ? 1 : k == 10 ? 2 : NaN
last = 0
array ends[4]
array word_y[3]
array word[3]
stats table skip 1 using (place($1) >= last ? (last = place($1), ends[1] = $2, ends[2] = $3, ends[3] = $4, ends[4] = $5, 1) : 0) nooutput
set xtics ("1" 0)
if (last > 0) { set xtics add ("5" 1) }
if (last > 1) { set xtics add ("10" 2) }
aside = 0.1
if (dumb) {
  set xrange [-0.4 : last + 0.6]
} else {
  # the number of the first point stands before it
  side = narrow ? 0.9 : 0.4
  # names to the right of the last points, one above the other
  word[1] = image_word." to ".text_word
  word[2] = text_word." to ".image_word
  word[3] = "by chance"
  longest = strlen(word[1]) > strlen(word[2]) ? strlen(word[1]) : strlen(word[2])
  words_width = 7.4 * (longest > 40 ? 40 : longest) + 60
  unit_x = (side + last + aside) / (plot_width - words_width)
  set xrange [-side : last + aside + words_width * unit_x]
  words_x = last + aside + 52 * unit_x
  do for [i = 1:2] { word_y[i] = ends[i] * plot_height }
  word_y[3] = (ends[3] + ends[4]) / 2 * plot_height
  do for [round = 1:30] {
    do for [i = 1:2] { do for [k = i+1:3] {
      apart = abs(word_y[i] - word_y[k])
      if (apart < 17) {
        upper = word_y[i] >= word_y[k] ? i : k
        lower = i + k - upper
        word_y[upper] = word_y[upper] + (17 - apart) / 2
        word_y[lower] = word_y[lower] - (17 - apart) / 2
      }
    } }
    do for [i = 1:3] { word_y[i] = word_y[i] < 8 ? 8 : word_y[i] > plot_height - 8 ? plot_height - 8 : word_y[i] }
  }
  set label 921 word[1] at words_x, word_y[1] * 1.02 / plot_height left textcolor rgb w_image noenhanced
  set label 922 word[2] at words_x, word_y[2] * 1.02 / plot_height left textcolor rgb w_text noenhanced
  set label 923 word[3] at words_x, word_y[3] * 1.02 / plot_height left textcolor rgb soft noenhanced
}
number(y) = dumb ? "" : sprintf("%.2f", y)
plot table skip 1 using (place($1) - 1.8 * aside):4:(1.6 * aside):(0) with vectors nohead linewidth 1.6 dashtype (4,3) linecolor rgb soft title "by chance", \
     '' skip 1 using (place($1) + 0.2 * aside):5:(1.6 * aside):(0) with vectors nohead linewidth 1.6 dashtype (4,3) linecolor rgb soft notitle, \
     '' skip 1 using (place($1) - aside):2:6:7 with yerrorbars pointtype 7 pointsize 0.9 linewidth 1.8 linecolor rgb c_image title image_word." to ".text_word, \
     '' skip 1 using (place($1) + aside):3:8:9 with yerrorbars pointtype 9 pointsize 1.0 linewidth 1.8 linecolor rgb c_text title text_word." to ".image_word, \
     '' skip 1 using (place($1) - aside):2 with points pointtype 7 pointsize 0.9 linecolor rgb c_image notitle, \
     '' skip 1 using (place($1) + aside):3 with points pointtype 9 pointsize 1.0 linecolor rgb c_text notitle, \
     '' skip 1 using (place($1) - aside):2:(number($2)) with labels right offset -1,0 textcolor rgb ink notitle, \
     '' skip 1 using (place($1) + aside):3:(number($3)) with labels left offset 1,0 textcolor rgb ink notitle
