/* Control groups: what the system allows a process besides what the machine has. */
#ifndef CGAP_ENGINE_CGROUP_H
#define CGAP_ENGINE_CGROUP_H

#include <stdint.h>

/* Bytes that this process's control group and those above it may still take, page cache not counted; UINT64_MAX where
 * none limits it. */
uint64_t cgap_cgroup_room(void);

/* The same of the groups on the way to `path` under `root`, by the names that version 2 (else 1) has for limit and
 * use; for tests. */
uint64_t cgap_cgroup_room_at(const char *root, const char *path, int version);

#endif
