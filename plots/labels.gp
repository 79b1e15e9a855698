# Names next to their curves in place of a key, for up to four curves:
#
#   call "labels.gp" "begin"     forgets the curves
#   curve_at(c, x, y)            a point of curve c in fractions of the plot's width and height, x ascending
#   cloud_at(c, x, y)            a point of cloud c, in any order: its upper outline stands for it
#   call "labels.gp" "place"     writes curve_name[c] in the colour curve_word[c], as label and arrow 800 + c
#
# A name covers no curve and no other name. Of the places above its curve, or below, where curve_below is not 0, it takes
# the nearest that is away from the other curves; a thin line leads to a curve that is not next to it. curve_top is the
# price, in units, of a place at the foot of a curve that is known by its top.
if (ARG1 eq "begin") {
  curve_columns = 45
  curve_below = 1
  curve_top = 0.0
  letter_width = 7.4
  letter_height = 16.0
  array curve_name[4] = ["", "", "", ""]
  array curve_word[4] = [ink, ink, ink, ink]
  array curve_y[180]
  array curve_last[4] = [0, 0, 0, 0]
  array curve_peak[4] = [0, 0, 0, 0]
  array name_from[4] = [0, 0, 0, 0]
  array name_to[4] = [-1, -1, -1, -1]
  array name_y[4]
  array window_low[180]
  array window_high[180]
  do for [k = 1:180] { curve_y[k] = NaN }
  do for [k = 801:804] { unset label k; unset arrow k }
  # heights in units of the picture, from the lower axis
  curve_height(c, i) = curve_y[(c - 1) * curve_columns + i]
  curve_put(c, i, y) = (curve_y[(c - 1) * curve_columns + i] = y, 0)
  curve_at(c, x, y) = (x == x && y == y && x >= 0 && x <= 1) ? curve_join(c, 1 + int(x * (curve_columns - 1) + 0.5), y * plot_height) : (curve_last[c] = 0, 0)
  cloud_at(c, x, y) = (x == x && y == y && x >= 0 && x <= 1) ? cloud_put(c, 1 + int(x * (curve_columns - 1) + 0.5), y * plot_height) : 0
  cloud_put(c, i, y) = (curve_height(c, i) > y ? 0 : curve_put(c, i, y), curve_peak[c] = (y > curve_peak[c] ? y : curve_peak[c]), 0)
  curve_join(c, i, y) = (p_from = curve_last[c], p_start = p_from ? curve_height(c, p_from) : y, \
    p_from && p_from < i ? sum [k = p_from + 1 : i] curve_put(c, k, p_start + (y - p_start) * (k - p_from) / (i - p_from)) : \
    curve_put(c, i, y > p_start ? y : p_start), \
    curve_last[c] = i, curve_peak[c] = (y > curve_peak[c] ? y : curve_peak[c]), 0)
}
if (ARG1 eq "place" && !dumb) {
  column_width = real(plot_width) / (curve_columns - 1)
  # how many columns a name reaches to either side of its middle
  reach_of(c) = int(ceil((letter_width * strlen(curve_name[c]) + 8) / 2 / column_width))
  # the lowest and the highest point of a curve under a name with its middle at column m
  window_at(k, m) = (k - 1) * curve_columns + m
  look(k, m) = (w_low = 1e9, w_high = -1e9, \
    sum [j = m - reach : m + reach] (w_y = curve_height(k, j), w_y == w_y ? (w_low = (w_y < w_low ? w_y : w_low), w_high = (w_y > w_high ? w_y : w_high), 0) : 0), \
    window_low[window_at(k, m)] = w_low, window_high[window_at(k, m)] = w_high, 0)
  # a place that something covers moves beyond it
  past_curve(k, m, down) = window_low[window_at(k, m)] < place_y + letter_height + 2 && window_high[window_at(k, m)] > place_y - 2 ? \
    (moved = 1, place_y = (down ? window_low[window_at(k, m)] - letter_height - 4 : window_high[window_at(k, m)] + 4), 0) : 0
  past_name(k, m, down) = name_from[k] <= m + reach && name_to[k] >= m - reach && abs(name_y[k] - place_y) < letter_height ? \
    (moved = 1, place_past = place_past + 1, place_y = name_y[k] + (down ? -letter_height : letter_height), 0) : 0
  past_all(m, down) = moved ? (moved = 0, sum [k = 1:4] (past_curve(k, m, down) + past_name(k, m, down))) : 0
  # other curves within 24 units of the point that the name points at
  crowd(c, i) = sum [k = 1:4] (k == c || !(abs(curve_height(k, i) - curve_height(c, i)) < 24) ? 0 : 2 * (24 - abs(curve_height(k, i) - curve_height(c, i))))
  # the middle of the name at column i + aside, for the point at column i
  consider(c, i, aside, down) = (place_y = (down ? window_low[window_at(c, i + aside)] - letter_height - 4 : window_high[window_at(c, i + aside)] + 4), \
    place_start = place_y, place_past = 0, moved = 1, \
    sum [t = 1:6] past_all(i + aside, down), \
    place_gap = (down ? curve_height(c, i) - place_y - letter_height : place_y - curve_height(c, i)), \
    place_cost = 1.5 * place_gap + crowd(c, i) + curve_top * (1 - curve_height(c, i) / curve_peak[c]) + 0.5 * abs(place_y - place_start) + 30 * place_past + (down ? 2 : 0) + (aside ? 3 : 0), \
    place_cost < best_cost && place_y >= 1 && place_y + letter_height <= plot_height ? \
      (best_cost = place_cost, best_i = i, best_aside = aside, best_y = place_y, best_gap = place_gap, best_down = down, 0) : 0)
  consider_at(c, i, aside) = i + aside - reach < 1 || i + aside + reach > curve_columns ? 0 : \
    (consider(c, i, aside, 0), curve_below ? consider(c, i, aside, 1) : 0)
  consider_all(c, i) = curve_height(c, i) == curve_height(c, i) ? sum [a = -2:2] consider_at(c, i, a * reach / 2) : 0
  do for [c = 1:4] {
    best_cost = 1e9
    reach = reach_of(c)
    if (strlen(curve_name[c]) && 2 * reach < curve_columns) {
      looked = sum [m = 1 + reach : curve_columns - reach] sum [k = 1:4] look(k, m)
      considered = sum [i = 1 : curve_columns] consider_all(c, i)
    }
    if (best_cost < 1e9) {
      name_from[c] = best_i + best_aside - reach
      name_to[c] = best_i + best_aside + reach
      name_y[c] = best_y
      best_x = (best_i - 1.0) / (curve_columns - 1)
      set label 800 + c curve_name[c] at graph (best_i + best_aside - 1.0) / (curve_columns - 1), graph (best_y + letter_height / 2) / plot_height center textcolor rgb curve_word[c] front noenhanced
      if (best_gap > 12) {
        set arrow 800 + c from graph best_x, graph (best_down ? best_y + letter_height : best_y + 1) / plot_height to graph best_x, graph curve_height(c, best_i) / plot_height nohead linewidth 0.8 linecolor rgb curve_word[c] front
      }
    }
  }
}
