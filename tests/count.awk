# Sums up meson's testlog.txt test by test: Criterion's synthesis and skips, the counts of the shell tests,
# one for any other program. What ends badly without saying so counts as a failure, as does a Criterion
# program that ran nothing and a log with no test at all.

function end_program() {
  if (!open)
    return
  open = 0
  if (result == "exit status 77" || result ~ /SKIP/)
    skipped += ran_skip > 0 ? ran_skip : 1
  else {
    good = result == "exit status 0"
    if (said && good && ran_pass + ran_fail + ran_skip == 0)
      good = 0
    if (!said && good)
      ran_pass = 1
    if (!good && ran_fail == 0)
      ran_fail = 1
    passed += ran_pass
    failed += ran_fail
    skipped += ran_skip
    if (ran_fail > 0)
      print "failed: " name " (" result ")"
  }
}

/^test: / {
  end_program()
  name = $NF
  open = 1
  said = ran_pass = ran_fail = ran_skip = 0
  result = "no result"
}

/^result: / && open {
  result = $0
  sub(/^result: */, "", result)
}

/Synthesis: Tested: [0-9]+ \| Passing: [0-9]+ \| Failing: [0-9]+/ {
  said = 1
  line = $0
  sub(/.*Passing: /, "", line)
  ran_pass += line + 0
  sub(/.*Failing: /, "", line)
  ran_fail += line + 0
}

/^\[SKIP\] / { ran_skip++ }

/^[0-9]+ checks, [0-9]+ failed$/ {
  said = 1
  ran_pass += $1 > $3 ? $1 - $3 : 0
  ran_fail += $3
}

END {
  end_program()
  if (passed + failed + skipped == 0)
    failed = 1
  printf "%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : ""
  exit failed > 0
}
