#include "io/read/hdf5_links.h"

#include "base/text_buffer.h"
#include "io/read/hdf5_virtual.h"

#include <stdlib.h>
#include <string.h>

enum { LINKS_MAX = 16 }; /* one after the other, as in HDF5 */

/* What a soft link says, or an external one, which holds the file's name and the object's. Freed by the caller. */
static char *link_value(hid_t group, const char *name, size_t *size)
{
  H5L_info_t info;
  if (H5Lget_info(group, name, &info, H5P_DEFAULT) < 0)
    return NULL;
  *size = info.u.val_size;
  char *value = calloc(*size + 1, 1);
  if (value && H5Lget_val(group, name, value, *size, H5P_DEFAULT) >= 0)
    return value;
  free(value);
  return NULL;
}

static cgap_link_end follow(char **why, hid_t group, const char *name, int links);

static bool is_group(hid_t start, const char *path)
{
  hid_t object = H5Oopen(start, path, H5P_DEFAULT);
  const bool group = object < 0 || H5Iget_type(object) == H5I_GROUP; /* what does not open may be one */
  if (object >= 0)
    H5Oclose(object);
  return group;
}

/* One name of a path: CGAP_LINK_UNREADABLE where it is there, or cannot be told. */
static cgap_link_end step(char **why, hid_t start, const char *path, bool last, int links)
{
  const htri_t there = H5Lexists(start, path, H5P_DEFAULT);
  H5L_info_t info;
  if (there == 0)
    return CGAP_LINK_DANGLES;
  if (there < 0 || H5Lget_info(start, path, &info, H5P_DEFAULT) < 0)
    return CGAP_LINK_UNREADABLE;
  if (info.type != H5L_TYPE_HARD && H5Oexists_by_name(start, path, H5P_DEFAULT) <= 0)
    return follow(why, start, path, links + 1);
  return last || is_group(start, path) ? CGAP_LINK_UNREADABLE : CGAP_LINK_DANGLES;
}

/* The path that a link names, name by name. */
static cgap_link_end follow_path(char **why, hid_t start, const char *target, int links)
{
  cgap_link_end end = CGAP_LINK_UNREADABLE;
  char *path = strdup(target);
  for (char *at = path; path && end == CGAP_LINK_UNREADABLE && !*why;) {
    at += strspn(at, "/");
    char *next = at + strcspn(at, "/");
    const bool last = next[strspn(next, "/")] == '\0';
    const char kept = *next;
    *next = '\0';
    if (*at && strcmp(at, ".") != 0)
      end = step(why, start, path, last, links);
    *next = kept;
    if (last)
      break;
    at = next;
  }
  free(path);
  return end;
}

static cgap_link_end follow_soft(char **why, hid_t group, const char *target, int links)
{
  const cgap_link_end end = follow_path(why, group, target, links);
  if (end == CGAP_LINK_DANGLES && !*why)
    *why = cgap_format("a link to %s, which is not there; mend the link or remove it", target);
  return end;
}

static cgap_link_end follow_external(char **why, hid_t group, const char *value, size_t size, int links)
{
  const char *file = NULL, *object = NULL;
  char own[4096] = "";
  unsigned flags = 0;
  cgap_sought where = {NULL, NULL};
  if (H5Lunpack_elink_val(value, size, &flags, &file, &object) < 0 || H5Fget_name(group, own, sizeof own) < 0)
    return CGAP_LINK_UNREADABLE;
  cgap_link_end end = CGAP_LINK_UNREADABLE;
  hid_t other = cgap_sought_open(&where, own, file, "HDF5_EXT_PREFIX");
  if (other >= 0) {
    end = follow_path(why, other, object, links);
    H5Fclose(other);
    if (end == CGAP_LINK_DANGLES && !*why)
      *why = cgap_format("a link to %s in %s, which has no such object; mend the link or remove it", object, file);
  } else if (where.unreadable) {
    *why = cgap_format("it is a link to %s in %s, and that file does not open", object, where.unreadable);
  } else {
    end = CGAP_LINK_DANGLES;
    *why = cgap_format("a link to %s in %s, and that file is missing; put it next to this one", object, file);
  }
  free(where.path);
  free(where.unreadable);
  return end;
}

static cgap_link_end follow(char **why, hid_t group, const char *name, int links)
{
  H5L_info_t info;
  size_t size = 0;
  if (links > LINKS_MAX) {
    *why = strdup("a link that leads back to itself; mend it or remove it");
    return CGAP_LINK_DANGLES;
  }
  if (H5Lget_info(group, name, &info, H5P_DEFAULT) < 0)
    return CGAP_LINK_UNREADABLE;
  char *value = link_value(group, name, &size);
  if (!value)
    return CGAP_LINK_UNREADABLE;
  /* a soft link of a path counts from the group that holds it */
  hid_t holder = group;
  char *above = strrchr(name, '/') ? strndup(name, (size_t)(strrchr(name, '/') - name) + 1) : NULL;
  if (above)
    holder = H5Oopen(group, above, H5P_DEFAULT);
  cgap_link_end end = CGAP_LINK_UNREADABLE;
  if (holder >= 0)
    end = info.type == H5L_TYPE_SOFT       ? follow_soft(why, holder, value, links)
          : info.type == H5L_TYPE_EXTERNAL ? follow_external(why, holder, value, size, links)
                                           : CGAP_LINK_UNREADABLE;
  if (above && holder >= 0)
    H5Oclose(holder);
  free(above);
  free(value);
  return end;
}

cgap_link_end cgap_link_follow(char **why, hid_t group, const char *name)
{
  *why = NULL;
  return follow(why, group, name, 0);
}
