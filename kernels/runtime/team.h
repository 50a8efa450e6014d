// SPDX-License-Identifier: Apache-2.0
//
// team.h: threads that stay, for work of microseconds.
#ifndef PASSLINE_RUNTIME_TEAM_H
#define PASSLINE_RUNTIME_TEAM_H

#include <stddef.h>

typedef struct team team;
// What each member does; member 0 is the caller.
typedef void team_task(void *argument, size_t member);

// A team of n members: the caller, and n - 1 threads, thread i pinned to cpus[i]; not pinned where cpus is
// NULL. NULL with errno where it cannot be had.
team *team_start(const int *cpus, size_t n);
void team_end(team *t);

// Runs the task on the first `members` and returns when all are done. What one of them wrote before, all see
// in the next task. The others flush denormals where the caller does.
void team_run(team *t, size_t members, team_task *task, void *argument);

#endif  // PASSLINE_RUNTIME_TEAM_H
