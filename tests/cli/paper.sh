#!/bin/sh
# Figures and tables for a paper: plot --paper, --format tikz and --latex, in a document of two columns.
. "$(dirname "$0")/lib.sh"
command -v gnuplot >/dev/null 2>&1 || skip "gnuplot is not installed"

# names that LaTeX would read as commands
name="a_b %&# with a long name.h5"
fine simulate -o "$name" --model clip --n 400 --d 32 --seed 3
fine audit "$name" -o report --quiet --latex
mv out audit.tex
# with zero-shot classification a table is as high as a page; that of the groups is for a float of its own
fine simulate -o classes.h5 --model clip --n 400 --d 32 --classes 5 --seed 3
fine audit classes.h5 --by labels --latex
mv out by.tex
works awk -v RS= '{print > ("by" NR ".tex")}' by.tex
fine compare classes.h5 classes.h5 --latex
mv out classes.tex
fine train "$name" -o trained --epochs 1 --quiet --latex
mv out train.tex
fine compare "$name" "$name" --latex
mv out compare.tex
fine sweep "$name" -o swept --epochs 1 --dim 8,16 --loss clip,cua --quiet --latex
mv out sweep.tex
want_text audit.tex "% As wide as a column" "% 400 images, 400 texts" "a_b %&# with a long name.h5" "\\phantom{" "\$-\$" "recall@1, image to text \$\\uparrow\$"
want_text compare.tex "for a table*" "\\shortstack[r]{" "a\\_b \\%\\&\\# with"
want_text train.tex "a_b %&# with a long name.h5, test part: "
# the card: drawn with the figures, and again by plot; of a slide's proportions; a stranger's is left
size_of() {
  od -An -tu1 -j16 -N8 "$1" | tr -s " "
}
for folder in report trained; do
  want_file $folder/card.png $folder/figures/card.tsv $folder/figures/card.gp
  runs size_of $folder/card.png
  want_line out " 0 0 6 64 0 0 3 132"
done
want_text report/figures/card.tsv "The gap is severe" "# number_1" "What to do" "# command_1"
want_text trained/figures/card.tsv "# number_after_1" "# detail_1"
rm report/card.png
fine plot report --paper 3.3 --only card --quiet
want_absent report/card.png
fine plot report --paper 3.3 --only card
want_text err "card: it is a picture for a slide"
want_none "wrote report" err
fine plot report --only card
want_text err "drew report/card.png"
want_none "wrote report" err
want_absent report/figures/card.png
echo mine >report/card.png
refused 3 "card.png|--force" plot report --only card
refused 3 "card.png|force" audit "$name" -o report --quiet
fine audit "$name" -o report --quiet --force
# three modalities have none, and that of an earlier audit goes
fine simulate -o three.h5 --modalities 3 --n 60 --d 8
fine audit "$name" -o many --quiet
fine audit image=three.h5:/image text=three.h5:/text audio=three.h5:/audio -o many --quiet
want_absent many/card.png many/figures/card.tsv

fine plot report --paper 3.3
want_text err "drew report/figures/scatter.pdf" "figures as pdf"
want_absent report/figures/scatter.png
fine plot report --paper 3.3 --format tikz --quiet
want_text report/figures/scatter.tex "\\begin{tikzpicture}" "(0.000,0.000) rectangle (8.382," "\\%)"
cp report/figures/scatter.tex first.tex
fine plot report --paper 3.3 --format tikz --quiet --only scatter
works cmp first.tex report/figures/scatter.tex
refused 2 "--paper|--theme|one of them" plot report --paper 3.3 --theme dark
refused 2 "--paper|pdf and tikz" plot report --paper 3.3 --format svg
refused 2 "--paper 0.2|between" plot report --paper 0.2

# what the user has under a picture's name stays
echo mine >report/figures/scatter.tex
refused 3 "scatter.tex|--force" plot report --format tikz --only scatter
fine plot report --format tikz --only scatter --force --quiet

# a gnuplot without Lua
mkdir -p bin
cat >bin/gnuplot <<'FAKE'
#!/bin/sh
echo "line 0: unknown or ambiguous terminal type; type just 'set terminal' for a list" >&2
exit 1
FAKE
chmod +x bin/gnuplot
path=$PATH
PATH=$work/bin:$PATH
refused 2 "tikz|Lua|apt install gnuplot" plot report --format tikz --only scatter
PATH=$path

# the letters are 8 pt high, the fonts are inside, and the width is the column's
if command -v pdffonts >/dev/null 2>&1; then
  for figure in scatter cosines variance dimensions recall plane; do
    runs pdffonts "report/figures/$figure.pdf"
    mv out said
    works awk 'NR > 2 && $(NF - 4) != "yes" {bad = 1} END {exit bad || NR < 3}' said
    runs pdfinfo "report/figures/$figure.pdf"
    mv out said
    works awk '/^Page size/ {found = $3 > 236.5 && $3 < 238.5 && $5 > 100 && $5 < 238} END {exit !found}' said
    runs pdftotext -bbox "report/figures/$figure.pdf" -
    mv out said
    # 0.775 of the size in DejaVu, up to 1.2 in other faces; words that are turned have their width there
    works awk -F'"' '/<word/ {h = $8 - $4; w = $6 - $2; h = h < w ? h : w; if (h > 10) bad = 1; n += h > 5.5} END {exit bad || n < 8}' said
  done
fi

# in a document of two columns nothing sticks out of its column, and nothing has to be changed
if ! command -v pdflatex >/dev/null 2>&1 || ! kpsewhich tikz.sty booktabs.sty >/dev/null 2>&1; then
  echo "pdflatex, booktabs or TikZ is not installed: not compiled" >&2
  finish
fi
fine plot trained --paper 3.3 --format pdf,tikz --quiet
{
  cat <<'PREAMBLE'
\documentclass[10pt,twocolumn,letterpaper]{article}
\usepackage[margin=0.75in,columnsep=0.4in]{geometry}
\usepackage[utf8]{inputenc}
\usepackage{graphicx,booktabs,gnuplot-lua-tikz}
\begin{document}
PREAMBLE
  for figure in report/figures/scatter report/figures/cosines trained/figures/history; do
    printf '\\begin{figure}\\centering\\includegraphics{%s.pdf}\\caption{As PDF.}\\end{figure}\n' "$figure"
    printf '\\begin{figure}\\centering\\input{%s.tex}\\caption{As TikZ.}\\end{figure}\n' "$figure"
  done
  for table in audit compare train sweep by1 by2 classes; do
    wide=
    grep -q 'for a table\*' $table.tex && wide='*'
    printf '\\begin{table%s}\\centering\\input{%s.tex}\\caption{A table.}\\end{table%s}\n' "$wide" $table "$wide"
  done
  printf '%s\n' '\end{document}'
} >paper.tex
works pdflatex -interaction=nonstopmode -halt-on-error paper.tex
mv out said
runs grep -E 'Overfull|Float too large|Missing character' said
want_rc 1
want_text said "Output written on paper.pdf"
finish
