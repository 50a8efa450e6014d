// SPDX-License-Identifier: Apache-2.0
//
// A team waits for its next task at a number that the caller counts up. A member that waits looks at it for a
// while, as the next task of the same row comes within a microsecond, and then sleeps, so that a team at rest
// leaves its processors to others.
#define _GNU_SOURCE
#include "runtime/team.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/denormals.h"
#include "runtime/pin.h"

enum {
  SPINS = 20000,  // looks before sleeping: some 50 microseconds, as long as waking takes
  CACHE_LINE = 64,
};

typedef struct member {
  _Alignas(CACHE_LINE) team *team;
  pthread_t thread;
  size_t number;
  int cpu;  // not pinned where negative
} member;

struct team {
  _Alignas(CACHE_LINE) atomic_uint task_number;
  _Alignas(CACHE_LINE) atomic_size_t left;  // members that have not done the task yet
  _Alignas(CACHE_LINE) atomic_uint sleepers;
  atomic_int error;
  size_t size, taking_part;
  team_task *task;  // NULL: the team ends
  void *argument;
  unsigned control;
  member *members;
};

static void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static unsigned next_task(team *t, unsigned done) {
  unsigned number = atomic_load_explicit(&t->task_number, memory_order_acquire);
  for (int i = 0; number == done && i < SPINS; i++) {
    pause_briefly();
    number = atomic_load_explicit(&t->task_number, memory_order_acquire);
  }
  while (number == done) {
    atomic_fetch_add(&t->sleepers, 1);
    syscall(SYS_futex, &t->task_number, FUTEX_WAIT_PRIVATE, done, NULL, NULL, 0);
    atomic_fetch_sub(&t->sleepers, 1);
    number = atomic_load(&t->task_number);
  }
  return number;
}

static void *serve(void *argument) {
  member *m = argument;
  team *t = m->team;
  const int error = m->cpu < 0 ? 0 : pin_this_thread(m->cpu);
  if (error != 0) atomic_store(&t->error, error);
  for (unsigned done = 0;;) {
    done = next_task(t, done);
    if (t->task == NULL) return NULL;
    if (m->number < t->taking_part) {
      denormals_restore(t->control);
      t->task(t->argument, m->number);
    }
    atomic_fetch_sub_explicit(&t->left, 1, memory_order_release);
  }
}

// All members look at every task, so that none can miss one or take it for another.
static void announce(team *t) {
  atomic_store(&t->left, t->size - 1);
  atomic_fetch_add(&t->task_number, 1);
  if (atomic_load(&t->sleepers) > 0)
    syscall(SYS_futex, &t->task_number, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void wait_for_all(team *t) {
  for (unsigned spins = 1; atomic_load_explicit(&t->left, memory_order_acquire) > 0; spins++) {
    pause_briefly();
    if (spins % 4096 == 0) sched_yield();  // more members than processors: let the others go on
  }
}

void team_run(team *t, size_t members, team_task *task, void *argument) {
  if (members < 2) {
    task(argument, 0);
    return;
  }
  t->task = task;
  t->argument = argument;
  t->taking_part = members;
  t->control = denormals_control();
  announce(t);
  task(argument, 0);
  wait_for_all(t);
}

static void do_nothing(void *argument, size_t member) {
  (void)argument;
  (void)member;
}

team *team_start(const int *cpus, size_t n) {
  team *t = aligned_alloc(CACHE_LINE, sizeof *t);
  member *members = aligned_alloc(CACHE_LINE, (n > 0 ? n : 1) * sizeof *members);
  if (t == NULL || members == NULL) {
    free(t);
    free(members);
    errno = ENOMEM;
    return NULL;
  }
  *t = (team){.size = 1, .members = members};
  int error = 0;
  for (size_t i = 1; i < n && error == 0; i++) {
    members[i] = (member){.team = t, .number = i, .cpu = cpus != NULL ? cpus[i] : -1};
    error = pthread_create(&members[i].thread, NULL, serve, &members[i]);
    if (error == 0) t->size++;
  }
  team_run(t, t->size, do_nothing, NULL);  // all are pinned, or have said why not
  if (error == 0) error = atomic_load(&t->error);
  if (error != 0) {
    team_end(t);
    errno = error;
    return NULL;
  }
  return t;
}

void team_end(team *t) {
  if (t == NULL) return;
  t->task = NULL;
  announce(t);
  for (size_t i = 1; i < t->size; i++) pthread_join(t->members[i].thread, NULL);
  free(t->members);
  free(t);
}
