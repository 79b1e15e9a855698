# A sweep: each measure against the option that was varied.
call "panels.gp" "sweep" ARG1 ARG2 ARG3 ARG4
