# The look of every figure; each script calls this first, with its own name and its arguments:
#
#   gnuplot -c NAME.gp [TABLE [OUT [THEME [WIDTH,HEIGHT]]]]
#
# run in the folder that holds the scripts and tables. TABLE defaults to NAME.tsv, OUT to NAME.svg; the ending of OUT
# (.svg .png .pdf .txt) chooses the terminal. THEME is light, dark or page (transparent, with a tooltip on each point).
name  = ARG1
table = strlen(ARG2) ? ARG2 : name.".tsv"
out   = strlen(ARG3) ? ARG3 : name.".svg"
theme = strlen(ARG4) ? ARG4 : "light"
kind  = substr(out, strlen(out) - 2, strlen(out))
size  = strlen(ARG5) ? ARG5 : kind eq "png" ? "1520,1040" : kind eq "txt" ? "80,24" : "760,520"
width  = int(real(substr(size, 1, strstrt(size, ",") - 1)))
height = int(real(substr(size, strstrt(size, ",") + 1, strlen(size))))
dark  = theme eq "dark"
hover = theme eq "page"
dumb  = kind eq "txt"

# Okabe and Ito's colours, told apart by colour-blind eyes; images are always blue, texts always orange-red.
ink        = dark ? "#e6e6e6" : "#222222"
soft       = dark ? "#a0a0a0" : "#666666"
faint      = dark ? "#3a3f46" : "#dddddd"
paper      = dark ? "#16191d" : "#ffffff"
c_image    = dark ? "#56b4e9" : "#0072b2"
c_text     = dark ? "#f0913a" : "#d55e00"
c_pair     = dark ? "#35c79a" : "#008a64"
c_cross    = dark ? "#b0a8b9" : "#7a6f85"
c_joint    = dark ? "#e39cc6" : "#a8487e"
c_third    = dark ? "#a99be8" : "#4b3b9e"
c_fourth   = dark ? "#d8c25a" : "#8a6d00"

if (kind eq "svg") {
  if (hover) {
    set terminal svg size width,height dynamic enhanced font "sans-serif,13" linewidth 1.2
  } else {
    set terminal svg size width,height dynamic enhanced font "sans-serif,13" linewidth 1.2 background rgb paper
  }
}
if (kind eq "png") {
  # a large picture is the small one with more pixels
  more = width > 760 ? width / 760.0 : 1.0
  set terminal pngcairo size width,height enhanced font "sans,9.75" fontscale more linewidth 1.2*more pointscale more background rgb paper
  width = width / more
  height = height / more
}
if (kind eq "pdf") { set terminal pdfcairo size width/90.0,height/90.0 enhanced font "sans,10.4" linewidth 1.2 background rgb paper }
pt(pixels) = sprintf(",%g", pixels * (kind eq "png" ? 0.75 : kind eq "pdf" ? 0.8 : 1))
if (dumb) { set terminal dumb size width,height noenhanced }
set output out
set encoding utf8

set datafile separator tab
set datafile missing "NA"
set border 3 linewidth 0.8 linecolor rgb soft
set tics nomirror out scale 0.6 textcolor rgb soft
set grid linewidth 0.6 linetype 1 linecolor rgb faint
set grid noxtics ytics
set style fill transparent solid 0.18 noborder
set key at screen 60.0/width, screen 1 - (hover ? 32.0 : 56.0)/height left top horizontal Left reverse textcolor rgb ink samplen 1.2 spacing 1.1 maxrows 1 noenhanced
if (dumb) {
  unset grid
  plot_width = width - 14
  plot_height = 2 * (height - 8)
  set key default
  set key top right noenhanced
} else {
  plot_width = width - 99
  plot_height = height - (hover ? 156 : 180)
  set lmargin at screen 75.0/width
  set rmargin at screen 1 - 24.0/width
  set tmargin at screen 1 - (hover ? 66.0 : 90.0)/height
  set bmargin at screen 90.0/height
}

# Lines "# key<tab>value" at the end of a table say what it is about. Reading them needs another comment sign.
set datafile commentschars "\001"
M = ""
stats table using (strcol(1)[1:2] eq "# " ? (M = M."\n".strcol(1)[3:]."\t".strcol(2), 1) : 1) nooutput
set datafile commentschars "#"
# meta("n"): the value behind "# n", or ""
meta_from(rest) = rest[1:(strstrt(rest, "\n") ? strstrt(rest, "\n") - 1 : strlen(rest))]
meta(key) = strstrt(M, "\n".key."\t") ? meta_from(M[strstrt(M, "\n".key."\t") + strlen(key) + 2 : strlen(M)]) : ""

# headline(title, what it shows): the two lines above the plot, and the file's name below
headline_title = ""
headline_shown = ""
# class texts may stand in for texts
text_word = strlen(meta("text_word")) ? meta("text_word") : "text"
# and names of modalities for both
word_or(key, default) = strlen(meta(key)) ? meta(key) : default
image_word = word_or("image_word", "image")
images_word = word_or("images_word", "images")
Images_word = word_or("Images_word", "Images")
texts_word = text_word eq "class text" ? "class texts" : word_or("texts_word", "texts")
counted = meta("file").": ".(strlen(meta("size")) ? meta("size") : sprintf("%s %s, %s %s, d = %s", meta("images"), images_word, meta("texts"), texts_word, meta("dim")))
# on a page the title stands above the picture already
headline = 'if (dumb) { set title headline_title."\n".headline_shown noenhanced } else { \
  if (!hover) { set label 901 headline_title at screen 16.0/width, screen 1 - 22.0/height left font pt(17) textcolor rgb ink front noenhanced }; \
  set label 902 headline_shown at screen 16.0/width, screen 1 - (hover ? 18.0 : 45.0)/height left font pt(13) textcolor rgb soft front noenhanced; \
  set label 903 counted at screen 16.0/width, screen 12.0/height left font pt(11) textcolor rgb soft front noenhanced }'
