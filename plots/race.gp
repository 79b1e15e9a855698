# The race: the same start under several losses.
call "panels.gp" "race" ARG1 ARG2 ARG3 ARG4
