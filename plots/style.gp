# The look of every figure; each script calls this first, with its own name and its arguments:
#
#   gnuplot -c NAME.gp [TABLE [OUT [THEME [WIDTH,HEIGHT]]]]
#
# run in the folder that holds the scripts and tables. TABLE defaults to NAME.tsv, OUT to NAME.svg; the ending of OUT
# (.svg .png .pdf .tex .txt) chooses the terminal. THEME is light, dark, page (transparent, with a tooltip on each
# point) or paper: text of 8 pt, no title, subtitle or file line. There 117 units of width are an inch (13 are 8 pt, the
# size of the letters), and a height of 0 follows from the width: "386,0" is a column of 3.3 inches.

# What labels.gp changes most often is defined first: gnuplot looks names up one by one, in the order of their first use.
w_y = w_low = w_high = window_low = window_high = k = j = moved = place_y = place_past = 0
name  = ARG1
table = strlen(ARG2) ? ARG2 : name.".tsv"
out   = strlen(ARG3) ? ARG3 : name.".svg"
theme = strlen(ARG4) ? ARG4 : "light"
kind  = substr(out, strlen(out) - 2, strlen(out))
size  = strlen(ARG5) ? ARG5 : kind eq "png" ? "1520,1040" : kind eq "txt" ? "80,24" : "760,520"
width_given = real(substr(size, 1, strstrt(size, ",") - 1))
width  = int(width_given)
height = int(real(substr(size, strstrt(size, ",") + 1, strlen(size))))
dark  = theme eq "dark"
hover = theme eq "page"
print_out = theme eq "paper"
# a column of a paper has a place for few words
narrow = print_out && width < 550
dumb  = kind eq "txt"
tex   = kind eq "tex"
# what lies around a plot, in units: scripts that place plots of their own use these
top_space    = hover ? 66.0 : print_out ? 32.0 : 90.0
bottom_space = print_out ? 50.0 : 90.0
left_space   = print_out ? 70.0 : 75.0
right_space  = print_out ? 10.0 : 24.0
# above the first of several rows of plots, where the lines above them end
head_space   = hover ? 30.0 : print_out ? 2.0 : 58.0
key_space    = hover ? 32.0 : print_out ? 2.0 : 56.0
# how many panels of a table stand side by side, and how many rows they make
panels_across(n) = n < 2 ? 1 : n < 5 || narrow ? 2 : 3
panels_down(n) = (n + panels_across(n) - 1) / panels_across(n)

set encoding utf8
if (!dumb && !tex) { set minussign }
set datafile separator tab
set datafile missing "NA"
# Lines "# key<tab>value" at the end of a table say what it is about. Reading them needs another comment sign.
set datafile commentschars "\001"
M = ""
stats table using (strcol(1)[1:2] eq "# " ? (M = M."\n".strcol(1)[3:]."\t".strcol(2), 1) : 1) nooutput
set datafile commentschars "#"
# meta("n"): the value behind "# n", or ""
meta_from(rest) = rest[1:(strstrt(rest, "\n") ? strstrt(rest, "\n") - 1 : strlen(rest))]
meta(key) = strstrt(M, "\n".key."\t") ? meta_from(M[strstrt(M, "\n".key."\t") + strlen(key) + 2 : strlen(M)]) : ""
# real() of gnuplot 5.4 stops at "2e-09" and reads "2.0e-09"
number_from(t) = strstrt(t, "e") && !strstrt(t, ".") ? real(t[1 : strstrt(t, "e") - 1].".0".t[strstrt(t, "e") : strlen(t)]) : real(t)

if (height == 0) {
  # the plot is a golden rectangle, a flatter one across a page; panels are less flat. A script may say panel_rows before.
  if (!exists("panel_rows")) { panel_rows = panels_down(strlen(meta("panels")) ? int(number_from(meta("panels"))) : 1) }
  between = panel_rows > 1 ? 54 : 0
  height = int(top_space + bottom_space + between * (panel_rows - 1) + \
    panel_rows * (panel_rows > 1 ? 105 : (width - left_space - right_space) / (width > 550 ? 2.2 : 1.618)))
}

# The palette of Okabe and Ito (2008); tests/colours.py proves that eyes without green cones tell apart what a figure
# draws together, and that lines stand out from the paper. Images are always blue, texts always vermilion. Dark paper
# takes the palette's sky blue for its blue, whose words would be too dim.
ink        = dark ? "#e6e6e6" : "#222222"
soft       = dark ? "#a9adb3" : "#5f5f5f"
faint      = dark ? "#3a3f46" : "#dddddd"
paper      = dark ? "#16191d" : "#ffffff"
c_image    = dark ? "#56b4e9" : "#0072b2"
c_text     = "#d55e00"
c_pair     = "#009e73"
c_joint    = "#cc79a7"
c_cross    = dark ? "#d0d0d0" : "#555555"
c_sixth    = dark ? "#f0e442" : "#565656"
# words in a colour: the same hue, as dark as small letters need
w_image    = dark ? "#56b4e9" : "#0072b2"
w_text     = dark ? "#d55e00" : "#c05400"
w_pair     = dark ? "#009e73" : "#008460"
w_joint    = dark ? "#cc79a7" : "#a25f84"
w_cross    = dark ? "#d0d0d0" : "#555555"
w_sixth    = dark ? "#f0e442" : "#565656"
# Series that are not modalities, in their order. On white the orange, the sky blue and the yellow of the palette are too
# pale for a line, so ink, a grey and the modalities' colours follow green and purple; a seventh needs a dash or a mark.
array series_colour[6] = [c_pair, c_joint, ink, c_sixth, c_image, c_text]
array series_word[6]   = [w_pair, w_joint, ink, w_sixth, w_image, w_text]

# letters of Japanese are in few fonts; elsewhere those of the system
family = meta("lang") eq "ja" ? "Noto Sans CJK JP" : "sans"
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
  set terminal pngcairo size width,height enhanced font family.",9.75" fontscale more linewidth 1.2*more pointscale more background rgb paper
  width = width / more
  height = height / more
}
if (kind eq "pdf") {
  # letters of this terminal are two thirds of the size that it is given
  if (print_out) {
    set terminal pdfcairo size width_given/117.0,height/117.0 enhanced font family.",12" linewidth 0.9 pointscale 0.6
  } else {
    set terminal pdfcairo size width/90.0,height/90.0 enhanced font family.",15.6" linewidth 1.2 background rgb paper
  }
}
if (tex) {
  # in letters of the document
  eval sprintf('set terminal tikz size %gin,%gin font "\\fontsize{8}{9.6}\\selectfont" charsize 4.4pt,9.6pt linewidth 0.9', width_given/117.0, height/117.0)
  set format "%g"
}
pt(pixels) = print_out || tex ? "" : sprintf(",%g", pixels * (kind eq "png" ? 0.75 : kind eq "pdf" ? 1.2 : 1))
if (dumb) { set terminal dumb size width,height noenhanced }
set output out

set border 3 linewidth 0.8 linecolor rgb soft
set tics nomirror out scale 0.6 textcolor rgb soft
# this terminal leaves too much between an axis and its numbers
if (tex) { set ytics offset 0.9,0; set xtics offset 0,0.3; set xlabel offset 0,0.4 }
set grid linewidth 0.6 linetype 1 linecolor rgb faint
set grid noxtics ytics
set style fill transparent solid 0.18 noborder
if (print_out) {
  # as many rows as it needs; the plot makes way
  set key tmargin left horizontal Left reverse textcolor rgb ink samplen 1 width (tex ? 0 : -1.5) spacing 1.0 noenhanced
} else {
  set key at screen 60.0/width, screen 1 - key_space/height left top horizontal Left reverse textcolor rgb ink samplen 1.2 spacing 1.1 maxrows 1 noenhanced
}
if (dumb) {
  unset grid
  plot_width = width - 14
  plot_height = 2 * (height - 8)
  set key default
  set key top right noenhanced
} else {
  plot_width = width - left_space - right_space
  plot_height = height - top_space - bottom_space
  # on paper gnuplot sets the margins as the letters need
  if (!print_out) {
    set lmargin at screen left_space/width
    set rmargin at screen 1 - right_space/width
    set tmargin at screen 1 - top_space/height
    set bmargin at screen bottom_space/height
  }
}

# the axes of a plane, of principal components or along the gap, and how much of the variance they hold
along_gap = meta("axes") eq "gap" || meta("after_axes") eq "gap"
axis_name(n) = along_gap ? (n == 1 ? (print_out ? "along the gap" : "along the difference of the centroids") : (print_out ? "PC 1 across it" : "first component orthogonal to it")) : \
  print_out ? sprintf("PC %d", n) : (n == 1 ? "first" : "second")." principal component"
axis_share(n) = meta(sprintf("share_%d", n))
component(n) = axis_name(n).(strlen(axis_share(n)) ? sprintf(" (%.1f %%%s)", 100 * real(axis_share(n)), n == 1 && !print_out ? " of the variance" : "") : "")

# a step of 1, 2 or 5 and zeros, at most x: for an axis that has little place for numbers
magnitude(x) = 10 ** floor(log10(x))
round_step(x) = magnitude(x) * (x / magnitude(x) < 2 ? 1 : x / magnitude(x) < 5 ? 2 : 5)

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
counted = meta("file").": ".(strlen(meta("size")) ? meta("size") : sprintf("%s %s, %sd = %s", meta("images"), images_word, meta("texts") eq "0" ? "" : sprintf("%s %s, ", meta("texts"), texts_word), meta("dim")))
# on a page the title stands above the picture already; on paper the caption says all three
# numbers in sentences with minus signs, as those of the axes
signed(t, before) = strstrt(t, before."-") ? t[1 : strstrt(t, before."-") - 1].before."−".signed(t[strstrt(t, before."-") + strlen(before) + 1 : strlen(t)], before) : t
minus(t) = signed(signed(t, " "), "[")
headline = 'if (print_out) { headline_title = "" } else { if (dumb) { set title headline_title."\n".headline_shown noenhanced } else { \
  if (!hover) { set label 901 headline_title at screen 16.0/width, screen 1 - 22.0/height left font pt(17) textcolor rgb ink front noenhanced }; \
  set label 902 minus(headline_shown) at screen 16.0/width, screen 1 - (hover ? 18.0 : 45.0)/height left font pt(13) textcolor rgb soft front noenhanced; \
  set label 903 counted at screen 16.0/width, screen 12.0/height left font pt(11) textcolor rgb soft front noenhanced } }'
# for figures whose curves carry their names: no key, and its place is the plot's; letters alone keep it
no_key = 'if (!dumb) { \
  set key off; \
  plot_height = plot_height + (print_out ? 24 : 26); \
  if (!print_out) { set tmargin at screen 1 - (top_space - 26)/height } }'
# two plots, one above the other, each with a line above it, for p = 1 and p = 2
two_panels = 'set key off; panel_head = print_out ? 20.0 : hover ? 26.0 : 62.0; panel_between = 58.0; \
  if (dumb) { set key default; set key top right noenhanced } else { plot_height = (height - panel_head - bottom_space - panel_between) / 2 }'
next_panel = 'set tmargin at screen 1 - (panel_head + (p - 1) * (plot_height + panel_between)) / height; \
  set bmargin at screen (bottom_space + (2 - p) * (plot_height + panel_between)) / height'
