#include "report/changes_show.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

static const char *const DIRECTION[] = {"image_to_text", "text_to_image"};

static const char *name_of_query(const cgap_row_names *names, const cgap_changed_query *q)
{
  return cgap_row_name(names, q->is_text ? CGAP_NAMED_TEXTS : CGAP_NAMED_IMAGES, q->row);
}

static const char *name_of_class(const cgap_row_names *names, const cgap_changed_class *c)
{
  return cgap_row_name(names, CGAP_NAMED_CLASSES, c->label);
}

static bool has_names(const cgap_row_names *names, cgap_named kind)
{
  return names && names->of[kind].count > 0;
}

/* ---------------------------------------------------------------- tables */

cgap_status cgap_changes_write(const cgap_changes *c, const cgap_row_names *names, const char *path, cgap_error *error)
{
  const bool named = has_names(names, CGAP_NAMED_IMAGES) || has_names(names, CGAP_NAMED_TEXTS);
  cgap_outfile file;
  cgap_status status = cgap_outfile_open(&file, path, error);
  if (status != CGAP_OK)
    return status;
  const cgap_phrase direction[] = {cgap_phrase_of(&c->names, "{image}_to_{text}"),
                                   cgap_phrase_of(&c->names, "{text}_to_{image}")};
  fprintf(file.stream, "direction\trow\trank_before\trank_after\tmixed_rank_before\tmixed_rank_after%s\n",
          named ? "\tname" : "");
  for (size_t k = 0; k < c->queries; k++) {
    const cgap_changed_query *q = &c->query[k];
    fprintf(file.stream, "%s\t%zu", direction[q->is_text].s, q->row);
    for (int s = 0; s < CGAP_SEARCHES; s++)
      for (int t = 0; t < CGAP_TIMES; t++)
        fprintf(file.stream, "\t%.1f", q->rank[s][t]);
    if (named) {
      fputc('\t', file.stream);
      cgap_tsv_name(file.stream, name_of_query(names, q));
    }
    fputc('\n', file.stream);
  }
  return cgap_outfile_close(&file, true, error);
}

cgap_status cgap_classes_write(const cgap_changes *c, const cgap_row_names *names, const char *path, cgap_error *error)
{
  const bool named = has_names(names, CGAP_NAMED_CLASSES);
  cgap_outfile file;
  if (c->classes == 0) {
    unlink(path); /* of an earlier training */
    return CGAP_OK;
  }
  cgap_status status = cgap_outfile_open(&file, path, error);
  if (status != CGAP_OK)
    return status;
  cgap_modality_names english = c->names; /* the head of a table for programs */
  english.language = NULL;
  cgap_phrase images = cgap_phrase_of(&english, "{images}");
  for (char *blank; (blank = strchr(images.s, ' '));)
    *blank = '_';
  fprintf(file.stream, "class\t%s\ttop_1_before\ttop_1_after\tlost\tgained\tp\tp_holm\tgap_before\tgap_after%s%s\n",
          images.s, c->held ? "\ttraining" : "", named ? "\tname" : "");
  for (size_t k = 0; k < c->classes; k++) {
    const cgap_changed_class *one = &c->class[k];
    fprintf(file.stream, "%zu\t%llu\t%.9g\t%.9g\t%llu\t%llu\t%.9g\t%.9g\t%.9g\t%.9g", one->label,
            (unsigned long long)one->flips.queries, one->top_1[CGAP_BEFORE], one->top_1[CGAP_AFTER],
            (unsigned long long)one->flips.lost, (unsigned long long)one->flips.gained, one->flips.p, one->p_holm,
            one->gap[CGAP_BEFORE], one->gap[CGAP_AFTER]);
    if (c->held)
      fputs(c->held[one->label] ? "\tunseen" : "\tseen", file.stream);
    if (named) {
      fputc('\t', file.stream);
      cgap_tsv_name(file.stream, name_of_class(names, one));
    }
    fputc('\n', file.stream);
  }
  return cgap_outfile_close(&file, true, error);
}

/* ---------------------------------------------------------------- JSON */

static json_t *flips_json(const cgap_flips *f)
{
  return json_pack("{s:I, s:I, s:I, s:f}", "queries", (json_int_t)f->queries, "lost", (json_int_t)f->lost, "gained",
                   (json_int_t)f->gained, "p", f->p);
}

static json_t *search_json(const cgap_flips flips[CGAP_ASKING][CGAP_CUTS], const char *const names[CGAP_ASKING])
{
  json_t *out = json_object();
  for (int a = 0; a < CGAP_ASKING; a++)
    json_object_set_new(out, names[a],
                        json_pack("{s:o, s:o}", "at_1", flips_json(&flips[a][CGAP_WITHIN_1]), "at_10",
                                  flips_json(&flips[a][CGAP_WITHIN_10])));
  return out;
}

static json_t *pair_json(const double v[CGAP_TIMES])
{
  return json_pack("[o, o]", cgap_number_json(v[CGAP_BEFORE]), cgap_number_json(v[CGAP_AFTER]));
}

static json_t *queries_json(const cgap_changes *c, const cgap_row_names *names)
{
  json_t *list = json_array();
  for (size_t k = 0; k < c->losing_queries; k++) {
    const cgap_changed_query *q = &c->query[c->losing_query[k]];
    json_array_append_new(list, json_pack("{s:s, s:I, s:s*, s:o, s:o}", "direction", DIRECTION[q->is_text], "row",
                                          (json_int_t)q->row, "name", name_of_query(names, q), "rank",
                                          pair_json(q->rank[CGAP_SEARCH_CROSS]), "mixed_rank",
                                          pair_json(q->rank[CGAP_SEARCH_MIXED])));
  }
  return list;
}

static json_t *classes_json(const cgap_changes *c, const cgap_row_names *names)
{
  json_t *list = json_array();
  for (size_t k = 0; k < c->classes; k++) {
    const cgap_changed_class *one = &c->class[k];
    json_t *unseen = c->held ? json_boolean(c->held[one->label]) : NULL;
    json_array_append_new(list,
                          json_pack("{s:I, s:s*, s:I, s:o, s:I, s:I, s:f, s:f, s:o, s:o*}", "class",
                                    (json_int_t)one->label, "name", name_of_class(names, one), "images",
                                    (json_int_t)one->flips.queries, "top_1", pair_json(one->top_1), "lost",
                                    (json_int_t)one->flips.lost, "gained", (json_int_t)one->flips.gained, "p",
                                    one->flips.p, "p_holm", one->p_holm, "gap", pair_json(one->gap), "unseen", unseen));
  }
  return list;
}

json_t *cgap_changes_json(const cgap_changes *c, const cgap_row_names *names)
{
  static const char *const CROSS[] = {"image_to_text", "text_to_image", "both"};
  static const char *const MIXED[] = {"image_query", "text_query", "both"};
  return json_pack("{s:o, s:o, s:o, s:o*}", "retrieval", search_json(c->flips[CGAP_SEARCH_CROSS], CROSS),
                   "mixed_retrieval", search_json(c->flips[CGAP_SEARCH_MIXED], MIXED), "queries",
                   queries_json(c, names), "classes", c->classes ? classes_json(c, names) : NULL);
}

/* ---------------------------------------------------------------- words */

/* "p = 0.03", "p < 0.0001" */
static void p_words(char out[40], double p)
{
  snprintf(out, 40, p < 1e-4 ? "p < 0.0001" : p < 0.01 ? "p = %.1g" : "p = %.2g", p);
}

/* "41 gained, 12 lost at 10 (p = 0.0001)" */
static void say_flips(char text[CGAP_SENTENCE], const cgap_modality_names *names, const cgap_flips *f, const char *at)
{
  char p[40];
  p_words(p, f->p);
  cgap_sentence_say(text, names, "%llu gained, %llu lost at %s (%s)", (unsigned long long)f->gained,
                    (unsigned long long)f->lost, at, p);
}

static void say_search(char text[CGAP_SENTENCE], const cgap_modality_names *names, const cgap_flips flips[CGAP_CUTS],
                       const char *where)
{
  text[0] = '\0';
  cgap_sentence_say(text, names, "%s: of %llu queries ", cgap_tr(names, where),
                    (unsigned long long)flips[CGAP_WITHIN_10].queries);
  say_flips(text, names, &flips[CGAP_WITHIN_10], "10");
  cgap_sentence_append(text, "%s", cgap_tr(names, N_(", ")));
  say_flips(text, names, &flips[CGAP_WITHIN_1], "1");
  cgap_sentence_append(text, "%s", cgap_tr(names, N_(".")));
}

/* "class 3 (airport)" */
static void class_words(char out[140], const cgap_modality_names *modalities, const cgap_row_names *names,
                        const cgap_changed_class *c)
{
  char shown[100] = "";
  const char *name = name_of_class(names, c);
  if (name)
    cgap_name_shorten(shown, sizeof shown, name);
  (void)cgap_modality_printf(out, 140, modalities, name ? N_("class %zu (%s)") : N_("class %zu"), c->label, shown);
}

static bool clearly(const cgap_changed_class *c, bool worse)
{
  return c->p_holm < 0.05 && (worse ? c->flips.lost > c->flips.gained : c->flips.gained > c->flips.lost);
}

/* What became of one class. */
static void say_class(char text[CGAP_SENTENCE], const cgap_changed_class *c, const cgap_row_names *names,
                      const cgap_modality_names *modalities)
{
  char which[140];
  class_words(which, modalities, names, c);
  cgap_sentence_say(text, modalities, "%s top 1 %.3f to %.3f of %llu {images}", which, c->top_1[CGAP_BEFORE],
                    c->top_1[CGAP_AFTER], (unsigned long long)c->flips.queries);
}

/* The classes that are clearly worse by name, or else that none is. */
static void say_classes(char text[CGAP_SENTENCE], const cgap_changes *c, const cgap_row_names *names)
{
  enum { SHOWN = 3 };
  size_t better = 0, worse = 0, shown = 0;
  for (size_t k = 0; k < c->classes; k++) {
    better += clearly(&c->class[k], false);
    worse += clearly(&c->class[k], true);
  }
  text[0] = '\0';
  cgap_sentence_say(text, &c->names,
                    "Classes: %zu of %zu clearly better and %zu clearly worse (exact tests, corrected for %zu classes)",
                    better, c->classes, worse, c->classes);
  for (size_t k = 0; k < c->losing_classes && shown < SHOWN; k++) {
    const cgap_changed_class *one = &c->class[c->losing_class[k]];
    if (!clearly(one, true))
      continue;
    cgap_sentence_append(text, "%s ", cgap_tr(&c->names, shown++ ? N_(",") : N_(":")));
    say_class(text, one, names, &c->names);
  }
  cgap_sentence_append(text, "%s", cgap_tr(&c->names, worse > shown ? N_(", …") : N_(".")));
}

size_t cgap_changes_words(char sentence[CGAP_CHANGE_WORDS][CGAP_SENTENCE], const cgap_changes *c,
                          const cgap_row_names *names)
{
  say_search(sentence[0], &c->names, c->flips[CGAP_SEARCH_CROSS][CGAP_BOTH_ASK], "Search in the other modality");
  say_search(sentence[1], &c->names, c->flips[CGAP_SEARCH_MIXED][CGAP_BOTH_ASK], "In one index of both");
  if (c->classes)
    say_classes(sentence[2], c, names);
  return c->classes ? 3 : 2;
}

/* ---------------------------------------------------------------- on the page */

enum { SHOWN_NAME = 120 };

static cgap_cell name_cell(char shown[SHOWN_NAME], const char *name)
{
  cgap_name_shorten(shown, SHOWN_NAME, name ? name : "");
  return cgap_cell_text(shown);
}

/* Losing queries [from, to), the worst first; the column of names where there are any. */
static void put_queries(cgap_page *page, const cgap_changes *c, const cgap_row_names *names, const char *caption,
                        size_t from, size_t to)
{
  enum { COLUMNS = 7, NAME = 2 };
  static const char *const HEADS[COLUMNS] = {
    "Search", "#Row", "Name", "#Rank before", "#Rank after", "#In one index, before", "#In one index, after"};
  static const char *const DIRECTIONS[] = {"{image} to {text}", "{text} to {image}"};
  const bool named = has_names(names, CGAP_NAMED_IMAGES) || has_names(names, CGAP_NAMED_TEXTS);
  const cgap_phrase direction[] = {cgap_phrase_of(&c->names, DIRECTIONS[0]), cgap_phrase_of(&c->names, DIRECTIONS[1])};
  const char *heads[COLUMNS];
  char shown[SHOWN_NAME];
  size_t columns = 0;
  for (size_t h = 0; h < COLUMNS; h++)
    if (h != NAME || named)
      heads[columns++] = HEADS[h];
  cgap_page_table(page, caption, heads, columns);
  for (size_t k = from; k < to; k++) {
    const cgap_changed_query *q = &c->query[c->losing_query[k]];
    cgap_cell cells[COLUMNS] = {cgap_cell_text(direction[q->is_text].s), cgap_cell_count((double)q->row)};
    size_t cell = NAME;
    if (named)
      cells[cell++] = name_cell(shown, name_of_query(names, q));
    for (int search = 0; search < CGAP_SEARCHES; search++)
      for (int time = 0; time < CGAP_TIMES; time++, cell++) /* ranks among ties are halves */
        cells[cell] =
          cgap_cell_number(q->rank[search][time], q->rank[search][time] == floor(q->rank[search][time]) ? 0 : 1);
    cgap_page_row(page, cells, columns);
  }
  cgap_page_table_end(page);
}

/* Losing classes [from, to), the worst first. */
static void put_classes(cgap_page *page, const cgap_changes *c, const cgap_row_names *names, const char *caption,
                        size_t from, size_t to)
{
  enum { COLUMNS = 10, NAME = 1 };
  const cgap_phrase images = cgap_phrase_of(&c->names, "#{Images}");
  const char *const all[COLUMNS] = {"#Class", "Name",    images.s,    "#Top 1 before", "#Top 1 after",
                                    "#Lost",  "#Gained", "#p (Holm)", "#Gap before",   "#Gap after"};
  const bool named = has_names(names, CGAP_NAMED_CLASSES);
  const char *heads[COLUMNS];
  char shown[SHOWN_NAME];
  size_t columns = 0;
  for (size_t h = 0; h < COLUMNS; h++)
    if (h != NAME || named)
      heads[columns++] = all[h];
  cgap_page_table(page, caption, heads, columns);
  for (size_t k = from; k < to; k++) {
    const cgap_changed_class *one = &c->class[c->losing_class[k]];
    const cgap_cell numbers[] = {
      cgap_cell_count((double)one->flips.queries), cgap_cell_number(one->top_1[CGAP_BEFORE], 3),
      cgap_cell_number(one->top_1[CGAP_AFTER], 3), cgap_cell_count((double)one->flips.lost),
      cgap_cell_count((double)one->flips.gained),  cgap_cell_number(one->p_holm, 4),
      cgap_cell_number(one->gap[CGAP_BEFORE], 3),  cgap_cell_number(one->gap[CGAP_AFTER], 3)};
    cgap_cell cells[COLUMNS] = {cgap_cell_count((double)one->label), name_cell(shown, name_of_class(names, one))};
    memcpy(cells + NAME + named, numbers, sizeof numbers);
    cgap_page_row(page, cells, columns);
  }
  cgap_page_table_end(page);
}

typedef void put_losers(cgap_page *page, const cgap_changes *c, const cgap_row_names *names, const char *caption,
                        size_t from, size_t to);

/* The worst few, and the others folded. */
static void put_list(cgap_page *page, const cgap_changes *c, const cgap_row_names *names, put_losers *put,
                     const char *caption, size_t count)
{
  enum { SHOWN = 5 };
  const size_t shown = count < SHOWN ? count : SHOWN;
  put(page, c, names, caption, 0, shown);
  if (count == shown)
    return;
  fputs("<details>\n", page->out);
  cgap_page_put(page, "summary", "The next %zu", count - shown);
  put(page, c, names, caption, shown, count);
  fputs("</details>\n", page->out);
}

void cgap_changes_losers(char text[CGAP_SENTENCE], const cgap_changes *c, const cgap_row_names *names, bool classes)
{
  static const char *const WHERE[CGAP_SEARCHES] = {"Search in the other modality:", "In one index of both"};
  text[0] = '\0';
  if (classes && c->classes) {
    say_classes(text, c, names);
    return;
  }
  for (int s = 0; s < CGAP_SEARCHES; s++) {
    char p[40];
    const cgap_flips *f = &c->flips[s][CGAP_BOTH_ASK][CGAP_WITHIN_1];
    p_words(p, f->p);
    cgap_sentence_say(text, &c->names,
                      s ? N_(" %s: %llu of %llu no longer do, %llu now do (%s).")
                        : N_("%s %llu of %llu queries no longer find their partner first, %llu now do (%s)."),
                      cgap_tr(&c->names, WHERE[s]), (unsigned long long)f->lost, (unsigned long long)f->queries,
                      (unsigned long long)f->gained, p);
  }
}

void cgap_changes_page(cgap_page *page, const cgap_changes *c, const cgap_row_names *names)
{
  if (c->losing_classes)
    put_list(page, c, names, put_classes, "Classes that lose most, by top 1", c->losing_classes);
  if (c->losing_queries)
    put_list(page, c, names, put_queries,
             "Queries that lose most, by 1/rank in the search in the other modality; rows count from 0 in the file",
             c->losing_queries);
  else
    cgap_page_put(page, "p", "No query loses.");
}

/* ---------------------------------------------------------------- classes that were kept out of training */

static const char *const PART[] = {"seen", "unseen"};

static json_t *part_json(const cgap_held_out_view *v, bool unseen)
{
  json_t *top_1 = json_object(), *changes = json_object();
  cgap_class_part part = {0};
  for (size_t k = 0; k < v->evaluation->count; k++)
    json_object_set_new(top_1, v->evaluation->comparison.input[k].name,
                        cgap_number_json(cgap_class_part_top_1(&v->evaluation->audit[k], v->changes[0]->held, unseen)));
  for (size_t k = 0; k < v->heads; k++) {
    cgap_class_part_of(&part, v->changes[k], unseen);
    json_object_set_new(changes, v->evaluation->comparison.input[k + 1].name, flips_json(&part.flips));
  }
  return json_pack("{s:I, s:I, s:o, s:o}", "classes", (json_int_t)part.classes, "images",
                   (json_int_t)part.flips.queries, "top_1", top_1, "changes", changes);
}

json_t *cgap_held_out_json(const cgap_held_out_view *v)
{
  const cgap_changes *first = v->changes[0];
  json_t *classes = json_array();
  for (size_t k = 0; k < first->classes; k++)
    if (first->held[first->class[k].label])
      json_array_append_new(classes, json_integer((json_int_t)first->class[k].label));
  return json_pack("{s:o, s:o, s:o}", "classes", classes, PART[0], part_json(v, false), PART[1], part_json(v, true));
}

/* "Classes that training has not seen (7, 370 images): top 1 0.850 to 0.820 with after, 12 gained, 23 lost (p = .09)."
 */
static void say_unseen(char text[CGAP_SENTENCE], const cgap_held_out_view *v, size_t k)
{
  char p[40];
  cgap_class_part part;
  const bool *held = v->changes[k]->held;
  cgap_class_part_of(&part, v->changes[k], true);
  p_words(p, part.flips.p);
  (void)cgap_modality_printf(
    text, CGAP_SENTENCE, &v->evaluation->comparison.names,
    "Zero-shot of the %zu classes that training has not seen (%llu {images}, among all classes): top 1 %.3f to "
    "%.3f with %.40s, %llu gained, %llu lost (%s).",
    part.classes, (unsigned long long)part.flips.queries, cgap_class_part_top_1(&v->evaluation->audit[0], held, true),
    cgap_class_part_top_1(&v->evaluation->audit[k + 1], held, true), v->evaluation->comparison.input[k + 1].name,
    (unsigned long long)part.flips.gained, (unsigned long long)part.flips.lost, p);
}

void cgap_held_out_print(const cgap_held_out_view *v, bool all, int columns, FILE *out)
{
  enum { NAME = 12, COLUMN = 10 };
  const bool *held = v->changes[0]->held;
  char text[CGAP_SENTENCE];
  for (size_t k = 0; k < v->heads; k++) {
    say_unseen(text, v, k);
    cgap_text_wrap(out, columns, "", text, 0);
  }
  if (!all)
    return;
  fprintf(out, "\n%-*s%*s%*s\n", NAME, "top 1", COLUMN, PART[0], COLUMN, PART[1]);
  for (size_t k = 0; k < v->evaluation->count; k++)
    fprintf(out, "%-*s%*.4f%*.4f\n", NAME, v->evaluation->comparison.input[k].name, COLUMN,
            cgap_class_part_top_1(&v->evaluation->audit[k], held, false), COLUMN,
            cgap_class_part_top_1(&v->evaluation->audit[k], held, true));
}

void cgap_held_out_page(cgap_page *page, const cgap_held_out_view *v)
{
  static const char *const heads[] = {"", "#Seen classes", "#Unseen classes"};
  const bool *held = v->changes[0]->held;
  char text[CGAP_SENTENCE];
  for (size_t k = 0; k < v->heads; k++) {
    say_unseen(text, v, k);
    cgap_page_put(page, "p", "%s", text);
  }
  cgap_page_table(page, "Zero-shot, top 1 among all classes, of {images} whose class training has seen, and has not",
                  heads, 3);
  for (size_t k = 0; k < v->evaluation->count; k++) {
    const cgap_audit *audit = &v->evaluation->audit[k];
    const cgap_cell cells[] = {cgap_cell_text(v->evaluation->comparison.input[k].name),
                               cgap_cell_number(cgap_class_part_top_1(audit, held, false), 4),
                               cgap_cell_number(cgap_class_part_top_1(audit, held, true), 4)};
    cgap_page_row(page, cells, 3);
  }
  cgap_page_table_end(page);
}
