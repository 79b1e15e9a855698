# Who loses: from which class into which images go whose nearest class text was their own before.
# The picture is as high as it has rows.
set datafile separator tab
set datafile commentschars "\001"
counted_rows = 1
stats (strlen(ARG1) ? ARG1 : "confusion.tsv") using (strcol(1) eq "# rows" ? (counted_rows = int(real(strcol(2))), 1) : 1) nooutput
set datafile commentschars "#"
to_png = ARG2[strlen(ARG2) - 2 : *] eq "png"
sized = strlen(ARG4) ? ARG4 : ARG2[strlen(ARG2) - 2 : *] eq "txt" ? "80,24" : to_png ? "1520,0" : "760,0"
given_width = sized[1 : strstrt(sized, ",") - 1]
own_height = (ARG3 eq "paper" ? 100 : 200) + 26 * counted_rows
if (sized[strstrt(sized, ",") + 1 : *] eq "0") { sized = sprintf("%s,%d", given_width, to_png ? own_height * real(given_width) / 760 : own_height) }
call "style.gp" "confusion" ARG1 ARG2 ARG3 sized
headline_title = "Classes that lose ".images_word.", and to which"
lose = meta("lost") eq "1" ? "1 ".image_word." loses its class, " : sprintf("%s %s lose their class, ", meta("lost"), images_word)
lose_any = meta("losing") eq "1" ? " loses " : " lose "
headline_shown = lose.meta("gained").(meta("gained") eq "1" ? " finds it; " : " find it; ").meta("losing")." of ".meta("classes")." classes".lose_any.images_word
eval headline
nx = int(number_from(meta("columns"))); ny = counted_rows
longest = 0; longest_column = 0
longer(a, b) = a > b ? a : b
do for [i = 1:ny] { longest = longer(longest, strlen(meta(sprintf("row_%d", i)))) }
do for [i = 1:nx] { longest_column = longer(longest_column, strlen(meta(sprintf("column_%d", i)))) }
set key off
unset grid
set border 0
set tics scale 0
stats table skip 1 using 5 name "V" nooutput
set palette defined (0 "#440154", 0.125 "#472d7b", 0.25 "#3b528b", 0.375 "#2c728e", 0.5 "#21918c", 0.625 "#28ae80", 0.75 "#5ec962", 0.875 "#addc30", 1 "#fde725")
unset colorbox
set cbrange [0 : V_max > 4 ? V_max : 4]
set xrange [0.5 : nx + 0.5]
set yrange [ny + 0.5 : 0.5]
letter = print_out ? 8.0 : 7.2
# cells at most 90 wide; names of columns that have no place side by side are turned
left = 24 + letter * longest
most_w = width - left - 96.0
cell_w = most_w / nx < 90 ? most_w / nx : 90.0
turned = letter * (longest_column + 1) > cell_w
top = print_out ? 22.0 : hover ? 54.0 : 82.0
bottom = (print_out ? 22.0 : 50.0) + (turned ? (cell_w < 22 ? 0.95 : 0.55) * letter * longest_column : 0)
cells_w = cell_w * nx
cells_h = height - top - bottom
if (!dumb) {
  set lmargin at screen left / width
  set rmargin at screen (left + cells_w) / width
  set tmargin at screen 1 - top / height
  set bmargin at screen bottom / height
  above = 1 + 12.0 / cells_h
  set label 1 images_word." lost" at graph 1 + 10.0 / cells_w, graph above left font pt(11) textcolor rgb soft noenhanced
  set label 2 "from" at graph -7.0 / cells_w, graph above right font pt(11) textcolor rgb soft noenhanced
  set label 3 "into" at graph 0, graph above left font pt(11) textcolor rgb soft noenhanced
  do for [i = 1:ny] {
    set label 10 + i meta(sprintf("lost_%d", i)) at graph 1 + 10.0 / cells_w, first i left font pt(11) textcolor rgb ink noenhanced
    set arrow 10 + i from graph 0, first i + 0.5 to graph 1, first i + 0.5 nohead back linewidth 0.6 linecolor rgb faint
  }
}
set xtics ("" 0) textcolor rgb ink noenhanced
set ytics ("" 0) textcolor rgb ink noenhanced
if (turned && !dumb) { angle = cell_w < 22 ? -90 : -35; set xtics rotate by angle left }
do for [i = 1:nx] { set xtics add (meta(sprintf("column_%d", i)) i) }
do for [i = 1:ny] { set ytics add (meta(sprintf("row_%d", i)) i) }
words_on(v) = v < 0.42 * (V_max > 4 ? V_max : 4) ? 0xfefefe : 0x111111
set style fill solid 1.0 noborder
# columns: class into column row images
plot table skip 1 using 3:4:(0.46):(0.42):5 with boxxyerror linecolor palette notitle, \
     '' skip 1 using 3:4:(sprintf("%d", $5)):(words_on($5)) with labels textcolor rgb variable font pt(12) noenhanced notitle
