# The card, for a slide: the verdict, up to three numbers, the points, and what to do.
call "style.gp" "card" ARG1 ARG2 ARG3 (strlen(ARG4) ? ARG4 : "1600,900")
# columns: when modality x y; every text is a line of the table's end, broken already
wide = 760.0; high = 427.0
unset border; unset tics; unset grid; unset key
set margins 0, 0, 0, 0
lines(key) = int(real("0".meta(key."_lines")))
tag = 0
put = 'tag = tag + 1; set label tag words at screen at_x/wide, screen at_y/high left font pt(letters) textcolor rgb shade front noenhanced'
at_x = 30; shade = soft; letters = 11; at_y = 406; words = counted; eval put
at_y = 374; shade = ink; letters = strlen(meta("verdict_1")) > 34 || lines("verdict") > 1 ? 27 : 34
do for [i = 1:lines("verdict")] { words = meta(sprintf("verdict_%d", i)); eval put; at_y = at_y - 33 }
shade = soft; letters = 14.5; at_y = at_y - 1
do for [i = 1:lines("detail")] { words = meta(sprintf("detail_%d", i)); eval put; at_y = at_y - 19 }
top = at_y - 6
# what to do, above the lower edge
bottom = 20.0
if (lines("command") > 0) { at_y = 22; letters = 13; shade = soft; words = meta("command_1"); eval put; bottom = 40.0 }
if (lines("advice") > 0) {
  shade = c_pair; letters = 18; at_y = bottom + 4 + 22 * (lines("advice") - 1)
  do for [i = 1:lines("advice")] { words = meta(sprintf("advice_%d", i)); eval put; at_y = at_y - 22 }
  bottom = bottom + 22 * lines("advice")
}
# the numbers, on the left
n = int(number_from(meta("numbers")))
panels = int(number_from(meta("panels_of_points")))
step = n > 0 ? (top - bottom - 6) / n : 0
step = step > 76 ? 76 : step
do for [k = 1:n] {
  after = meta(sprintf("number_after_%d", k))
  # without a picture they stand side by side
  at_x = panels ? 30 : 30 + (k - 1) * 240
  at_y = panels ? top - (k - 1) * step - 20 : top - 70; letters = panels ? 27 : 44; shade = ink
  words = meta(sprintf("number_%d", k)).(strlen(after) ? " → ".after : ""); eval put
  at_y = at_y - (panels ? 22 : 36); letters = panels ? 13.5 : 12; shade = soft
  do for [i = 1:lines(sprintf("label_%d", k))] { words = meta(sprintf("label_%d_%d", k, i)); eval put; at_y = at_y - 15 }
}
set multiplot
if (panels == 0) {
  set lmargin at screen 0; set rmargin at screen 1; set tmargin at screen 1; set bmargin at screen 0
  set xrange [0:1]; set yrange [0:1]
  plot NaN notitle
} else {
  stats table skip 1 using 3 name "X" nooutput
  stats table skip 1 using 4 name "Y" nooutput
  left = 400.0; right = 740.0
  panel_w = (right - left - 14 * (panels - 1)) / panels
  panel_h = top - bottom - 34
  larger(a, b) = a > b ? a : b
  unit = larger(larger((X_max - X_min) / panel_w, (Y_max - Y_min) / panel_h), 1e-6) * 0.54
  set xrange [(X_min + X_max) / 2 - unit * panel_w : (X_min + X_max) / 2 + unit * panel_w]
  set yrange [(Y_min + Y_max) / 2 - unit * panel_h : (Y_min + Y_max) / 2 + unit * panel_h]
  set border 15 linewidth 0.8 linecolor rgb faint
  of(when, modality, k) = strcol(1) eq when && strcol(2) eq modality ? column(k) : NaN
  # two long names side by side need smaller letters
  names = strlen(images_word) + strlen(texts_word) + 6
  name_size = 13 * names * 0.62 > right - left ? (right - left) / (names * 0.62) : 13
  do for [p = 1:panels] {
    when = p == 1 ? "before" : "after"
    set lmargin at screen (left + (p - 1) * (panel_w + 14)) / wide
    set rmargin at screen (left + (p - 1) * (panel_w + 14) + panel_w) / wide
    set tmargin at screen (bottom + 26 + panel_h) / high
    set bmargin at screen (bottom + 26) / high
    if (panels > 1) { set label 901 word_or(when."_word", when) at graph 0.04, graph 0.94 left font pt(14) textcolor rgb ink front }
    if (p == 1) {
      set label 902 "● ".images_word at screen left/wide, screen (bottom + 14)/high left font pt(name_size) textcolor rgb c_image noenhanced
      set label 903 "▲ ".texts_word at screen right/wide, screen (bottom + 14)/high right font pt(name_size) textcolor rgb c_text noenhanced
    }
    plot table skip 1 using (of(when, "1", 3)):4 with points pointtype 7 pointsize 0.55 linecolor rgb c_image notitle, \
         '' skip 1 using (of(when, "2", 3)):4 with points pointtype 9 pointsize 0.6 linecolor rgb c_text notitle
    do for [i = 1:tag] { unset label i }
    unset label 902; unset label 903
  }
}
unset multiplot
