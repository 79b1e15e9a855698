#include "cli/modalities.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "audit/plan.h"
#include "base/source.h"
#include "cli/run_info.h"

/* Letters before the '=' of NAME=SOURCE; 0: it is none. */
static size_t name_length(const char *argument)
{
  struct stat file;
  const size_t length = strspn(argument, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
  return argument[length] == '=' && stat(argument, &file) != 0 ? length : 0;
}

static cgap_status add(cli_modalities *m, const char *name, size_t length, const char *source, cgap_error *error)
{
  if (m->count == CGAP_MODALITIES_MAX)
    return cgap_fail(error, CGAP_USAGE, "more than %d modalities are named; at most %d are measured at once",
                     CGAP_MODALITIES_MAX, CGAP_MODALITIES_MAX);
  if (length >= CGAP_NAME_SIZE)
    return cgap_fail(error, CGAP_USAGE, "%.*s: a name of %zu letters; the name of a modality has at most %d",
                     (int)length, name, length, CGAP_NAME_SIZE - 1);
  char *to = m->name[m->count];
  (void)snprintf(to, CGAP_NAME_SIZE, "%.*s", (int)length, name);
  const cgap_status status = cgap_check_name(to, error);
  for (size_t k = 0; status == CGAP_OK && k < m->count; k++)
    if (strcmp(m->name[k], to) == 0)
      return cgap_fail(error, CGAP_USAGE, "two modalities are named %s; give each a name of its own", to);
  m->source[m->count++] = source;
  return status;
}

/* --names A,B */
static cgap_status read_option(cli_modalities *m, cgap_error *error)
{
  const char *a = cli_shared.names, *comma = strchr(a, ',');
  if (!comma || strchr(comma + 1, ','))
    return cgap_fail(error, CGAP_USAGE, "--names %s: give the names of the two modalities, as in --names audio,text",
                     a);
  cgap_status status = add(m, a, (size_t)(comma - a), NULL, error);
  if (status == CGAP_OK)
    status = add(m, comma + 1, strlen(comma + 1), NULL, error);
  m->count = 0; /* the arguments are files */
  return status;
}

cgap_status cli_modalities_read(cli_modalities *out, const cli_args *args, cgap_error *error)
{
  const char *without = NULL;
  cgap_status status = CGAP_OK;
  *out = (cli_modalities){0};
  for (size_t i = 0; status == CGAP_OK && i < args->count; i++) {
    const char *argument = args->items[i];
    const size_t length = name_length(argument);
    if (length && !argument[length + 1])
      status = cgap_fail(error, CGAP_USAGE, "%s: no source; give NAME=FILE, as in %sFILE.npy", argument, argument);
    else if (length)
      status = add(out, argument, length, argument + length + 1, error);
    else
      without = argument;
  }
  if (status == CGAP_OK && out->count && without)
    status = cgap_fail(error, CGAP_USAGE, "%s has no name and %s=%s has one; give every modality a name, as in NAME=%s",
                       without, out->name[0], out->source[0], without);
  if (status == CGAP_OK && out->count && (cli_shared.image || cli_shared.text || cli_shared.names))
    status = cgap_fail(error, CGAP_USAGE, "%s=%s names its modality; leave out --image, --text and --names",
                       out->name[0], out->source[0]);
  if (status == CGAP_OK && cli_shared.names)
    status = read_option(out, error);
  return status;
}

cgap_input_options cli_input_shared(void)
{
  return (cgap_input_options){.image = cli_shared.image,
                              .text = cli_shared.text,
                              .text_image = cli_shared.text_image,
                              .labels = cli_shared.labels,
                              .class_text = cli_shared.class_text,
                              .unpaired = cli_shared.unpaired,
                              .drop_bad = cli_shared.drop_bad,
                              .merge_images = cli_shared.merge_images,
                              .memory_bytes =
                                cli_shared.memory_bytes ? cli_shared.memory_bytes : cgap_free_memory() / 2,
                              .follow = cli_shared.follow,
                              .plugins = cli_shared.plugins,
                              .threads = cli_shared.threads};
}

cgap_input_options cli_input_pair(const cli_modalities *m, size_t first, size_t second)
{
  cgap_input_options out = cli_input_shared();
  out.image = m->source[first];
  out.text = m->source[second];
  out.names[0] = m->name[first];
  out.names[1] = m->name[second];
  return out;
}

cgap_status cli_input(cgap_input_options *out, cli_modalities *m, const cli_args *args, cgap_error *error)
{
  const cgap_status status = cli_modalities_read(m, args, error);
  *out = cli_input_shared();
  if (status != CGAP_OK)
    return status;
  if (m->count > 2)
    return cgap_fail(error, CGAP_USAGE, "%zu modalities are named; give two (contragap audit takes up to %d)", m->count,
                     CGAP_MODALITIES_MAX);
  if (m->count == 2) {
    *out = cli_input_pair(m, 0, 1);
  } else if (m->count == 1) {
    out->files = &m->source[0];
    out->file_count = 1;
    out->names[0] = m->name[0];
    out->one_modality = true;
  } else {
    out->files = args->items;
    out->file_count = args->count;
    for (int k = 0; cli_shared.names && k < 2; k++)
      out->names[k] = m->name[k];
  }
  return CGAP_OK;
}
