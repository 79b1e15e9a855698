# A sweep: each measure against the option that was varied: curves over a number, dots over names (a loss).
set datafile separator tab
set datafile commentschars "\001"
of_names = 0
stats (strlen(ARG1) ? ARG1 : "sweep.tsv") using (strcol(1) eq "# categories" ? (of_names = 1, 1) : 1) nooutput
set datafile commentschars "#"
if (of_names) { call "dots.gp" "sweep" ARG1 ARG2 ARG3 ARG4 } else { call "panels.gp" "sweep" ARG1 ARG2 ARG3 ARG4 }
