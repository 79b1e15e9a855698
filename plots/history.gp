# Training, epoch by epoch: every loss term and validation measure.
call "panels.gp" "history" ARG1 ARG2 ARG3 ARG4
