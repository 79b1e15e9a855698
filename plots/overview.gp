# Several inputs, a panel per measure: values as dots with their intervals.
call "inputs.gp" "overview" ARG1 ARG2 ARG3 ARG4
