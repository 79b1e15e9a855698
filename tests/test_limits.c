/* What a control group leaves of memory, in both versions and with limits further up; reading past the page cache gives
 * the bytes of the file wherever a request begins and ends. */
#include "base/memory.h"
#include "io/read/array_reader.h"
#include "support.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void put(const char *folder, const char *name, const char *text)
{
  char path[512];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *f = fopen(path, "w");
  cr_assert(f != NULL, "%s", path);
  fputs(text, f);
  fclose(f);
}

Test(limits, the_least_of_the_groups_on_the_way_counts)
{
  char root[200], job[260], inner[320];
  support_directory(root, sizeof root);
  snprintf(job, sizeof job, "%s/job", root);
  snprintf(inner, sizeof inner, "%s/job/step", root);
  mkdir(job, 0700);
  mkdir(inner, 0700);
  cr_expect_eq(cgap_cgroup_available_at(root, "/job/step", 2), UINT64_MAX, "no files, no limit");
  put(inner, "memory.max", "max\n");
  put(inner, "memory.current", "1000\n");
  cr_expect_eq(cgap_cgroup_available_at(root, "/job/step", 2), UINT64_MAX);
  put(job, "memory.max", "5000\n");
  put(job, "memory.current", "3500\n");
  cr_expect_eq(cgap_cgroup_available_at(root, "/job/step", 2), 1500);
  put(job, "memory.stat", "anon 1200\ninactive_file 700\nactive_file 30\n");
  cr_expect_eq(cgap_cgroup_available_at(root, "/job/step", 2), 2200, "cache can be given back");
  put(inner, "memory.max", "1800\n");
  cr_expect_eq(cgap_cgroup_available_at(root, "/job/step", 2), 800);
  put(inner, "memory.current", "2000\n");
  cr_expect_eq(cgap_cgroup_available_at(root, "/job/step", 2), 0);
  cr_expect_eq(cgap_cgroup_available_at(root, "/job/step", 1), UINT64_MAX, "version 1 has other names");
  put(job, "memory.limit_in_bytes", "900\n");
  put(job, "memory.usage_in_bytes", "600\n");
  put(job, "memory.stat", "cache 100\ntotal_inactive_file 50\n");
  cr_expect_eq(cgap_cgroup_available_at(root, "/job/step", 1), 350);
  support_remove(root);
}

Test(limits, reading_past_the_cache_gives_the_same_bytes)
{
  enum { BYTES = 9000001 };
  static const size_t REQUESTS[][2] = {{0, BYTES}, {0, 4096}, {1, 4095},           {4095, 2},
                                       {7, 1},     {0, 0},    {4095, 4194304 * 2}, {8999990, 11}};
  char folder[200], path[260];
  support_directory(folder, sizeof folder);
  snprintf(path, sizeof path, "%s/bytes", folder);
  unsigned char *want = support_alloc(BYTES, 1), *got = support_alloc(BYTES, 1);
  support_random random = support_seed(5);
  for (size_t i = 0; i < BYTES; i++)
    want[i] = (unsigned char)support_u64(&random);
  FILE *f = fopen(path, "wb");
  cr_assert(f && fwrite(want, 1, BYTES, f) == BYTES && fclose(f) == 0);
  int fd = open(path, O_RDONLY);
  cgap_direct_io *direct = cgap_direct_io_open_any(path); /* not every file system has it */
  for (size_t k = 0; direct && k < sizeof REQUESTS / sizeof *REQUESTS; k++) {
    const size_t at = REQUESTS[k][0], count = REQUESTS[k][1];
    memset(got, 0, BYTES);
    cr_assert_eq(cgap_direct_io_read(direct, fd, at, count, got, "bytes", NULL), CGAP_OK);
    cr_assert_eq(memcmp(got, want + at, count), 0, "%zu bytes at %zu", count, at);
  }
  if (direct) {
    cgap_error error = {0};
    cr_expect_eq(cgap_direct_io_read(direct, fd, BYTES - 5, 10, got, "bytes", &error), CGAP_FILE);
    cr_expect_str_eq(error.message, "bytes: the file ends at byte 9000001, 5 bytes too early; copy it again");
  }
  cr_expect_null(cgap_direct_io_open(path, BYTES), "a small file goes through the cache");
  cgap_direct_io_close(direct);
  close(fd);
  free(want);
  free(got);
  support_remove(folder);
}
