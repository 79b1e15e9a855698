# compare: reports and embeddings, paired or not, thresholds on differences.
. "$(dirname "$0")/lib.sh"

run simulate --model clip --n 120 --d 24 --seed 1 -o a.h5 --quiet
run simulate --model clip --n 120 --d 24 --seed 2 -o b.h5 --quiet
run apply --method center a.h5 -o c.h5 --quiet
want_rc 0
run audit a.h5 -o ra --quiet
run audit c.h5 -o rc --quiet

run compare a.h5 c.h5
want_rc 0
want_text out "paired" "centroid distance" "better" "recall@1"
run compare ra rc/report.json --json
want_rc 0
want_text out '"baseline": "ra"' 'independent samples' '"differences"' '"worse"'
run compare ra rc b.h5
want_rc 0
run compare a.h5 a.h5 c.h5 --json
want_rc 0
want_text out '"a.h5 (2)"' '"same"'

# a difference of 0 where nothing differs
run compare a.h5 a.h5 --fail-if 'gap.centroid_distance<-0.0001' --fail-if 'gap.centroid_distance>0.0001'
want_rc 0
run compare a.h5 c.h5 --fail-if 'gap.centroid_distance<-0.2'
want_rc 1
want_line err "gap.centroid_distance"
run compare a.h5 c.h5 -o out-folder --quiet
want_rc 0
want_file out-folder/compare.json

# refusals
run compare a.h5
want_rc 2
want_line err "A and B"
run compare a.h5 missing.h5
want_rc 3
want_line err "missing.h5"
run compare a.h5 c.h5 --fail-if 'gap.centroid<0'
want_rc 2
want_line err "gap.centroid"
printf '{"a": 1}' >odd.json
run compare ra odd.json
want_rc 4
want_line err "odd.json" "no report"
printf '{"a": ' >broken.json
run compare ra broken.json
want_rc 4
want_line err "broken.json"
mkdir empty
run compare ra empty
want_rc 3
want_line err "empty"
finish
