# A series of numbered inputs, a panel per measure: values over their number, intervals as bands.
call "inputs.gp" "series" ARG1 ARG2 ARG3 ARG4
