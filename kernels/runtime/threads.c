// SPDX-License-Identifier: Apache-2.0
//
// The same workload on several pinned threads at once, and memory touched first by a chosen cpu.
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "passline.h"
#include "runtime/clock.h"
#include "runtime/denormals.h"
#include "runtime/pin.h"
#include "runtime/run.h"

// The barrier spins: a sleeping thread would be woken tens of microseconds after the others.
// A thread that cannot take part sets `error`, and all leave.
typedef struct start_gate {
  size_t expected;
  atomic_size_t arrived;
  atomic_int error;
} start_gate;

static int start_gate_wait(start_gate *gate) {
  atomic_fetch_add(&gate->arrived, 1);
  for (unsigned spins = 1; atomic_load(&gate->arrived) < gate->expected; spins++) {
    if (atomic_load(&gate->error) != 0) break;
    if (spins % 4096 == 0) sched_yield();  // two threads on one cpu: let the other arrive
  }
  return atomic_load(&gate->error);
}

static void start_gate_fail(start_gate *gate, int error) {
  int none = 0;
  atomic_compare_exchange_strong(&gate->error, &none, error);  // the first error is the one to report
}

typedef struct worker {
  pthread_t thread;
  start_gate *gate;
  const passline_workload *workload;
  int cpu;
  uint64_t calls;
  uint64_t *start_ns, *end_ns;
} worker;

static void *run_worker(void *argument) {
  worker *w = argument;
  const int error = pin_this_thread(w->cpu);
  if (error != 0) start_gate_fail(w->gate, error);
  (void)denormals_off();  // the thread ends with this function: nothing to restore
  run_position position = run_position_at(w->workload, 0);
  if (start_gate_wait(w->gate) != 0) return NULL;
  *w->start_ns = clock_ns();
  run_calls(w->workload, w->calls, &position);
  *w->end_ns = clock_ns();
  return NULL;
}

int passline_run_threads(const passline_workload *workloads, const int *cpus, size_t n_threads,
                         uint64_t calls, uint64_t *start_ns, uint64_t *end_ns) {
  worker *workers = calloc(n_threads > 0 ? n_threads : 1, sizeof *workers);
  if (workers == NULL) return ENOMEM;
  start_gate gate = {.expected = n_threads};
  size_t started = 0;
  for (; started < n_threads; started++) {
    worker *w = &workers[started];
    *w = (worker){.gate = &gate,
                  .workload = &workloads[started],
                  .cpu = cpus[started],
                  .calls = calls,
                  .start_ns = &start_ns[started],
                  .end_ns = &end_ns[started]};
    const int error = pthread_create(&w->thread, NULL, run_worker, w);
    if (error != 0) {
      start_gate_fail(&gate, error);
      break;
    }
  }
  for (size_t i = 0; i < started; i++) pthread_join(workers[i].thread, NULL);
  free(workers);
  return atomic_load(&gate.error);
}

// Independent multiplications, more than a core's floating-point units hold at once: hardware threads that
// share the units take turns.
static void multiply(size_t n, const float *x, float *y, passline_state *state) {
  (void)x, (void)y;
  enum { CHAINS = 12 };
  double chain[CHAINS];
  for (int i = 0; i < CHAINS; i++) chain[i] = 1.0 + i;
  for (size_t k = 0; k < n; k++)
    for (int i = 0; i < CHAINS; i++) chain[i] *= 0x1.000001p0;
  double sum = 0.0;
  for (int i = 0; i < CHAINS; i++) sum += chain[i];
  state->sum = (float)sum;
}

// Nanoseconds from the first start to the last end; 0 where a thread could not take part.
static double together_ns(const int *cpus, size_t n_threads) {
  static const passline_variant variant = {"multiply", multiply, NULL, NULL};
  static const passline_variant *const passes[] = {&variant};
  enum { STEPS = 12 * 1024 };  // some 20 microseconds
  const float *x = NULL;
  float *y = NULL;
  passline_workload *workloads = calloc(n_threads, sizeof *workloads);
  uint64_t *times = calloc(2 * n_threads, sizeof *times);
  double elapsed = 0.0;
  if (workloads != NULL && times != NULL) {
    for (size_t i = 0; i < n_threads; i++)
      workloads[i] = (passline_workload){passes, 1, STEPS, &x, 1, &y, 1, {0}, 0, 0, 0, 0, NULL, NULL, 0};
    uint64_t *starts = times, *ends = times + n_threads;
    if (passline_run_threads(workloads, cpus, n_threads, 1, starts, ends) == 0) {
      uint64_t first = starts[0], last = ends[0];
      for (size_t i = 1; i < n_threads; i++) {
        if (starts[i] < first) first = starts[i];
        if (ends[i] > last) last = ends[i];
      }
      elapsed = (double)(last - first);
    }
  }
  free(workloads);
  free(times);
  return elapsed;
}

double passline_slowdown(const int *cpus, size_t n_threads) {
  const double alone = n_threads > 0 ? together_ns(cpus, 1) : 0.0;
  const double together = n_threads > 0 ? together_ns(cpus, n_threads) : 0.0;
  return alone > 0.0 && together > 0.0 ? together / alone : NAN;
}

typedef struct first_touch {
  float *row;
  size_t n;
  int cpu;
  int error;
} first_touch;

static void *touch_pinned(void *argument) {
  first_touch *t = argument;
  t->error = pin_this_thread(t->cpu);
  if (t->error == 0) memset(t->row, 0, t->n * sizeof *t->row);
  return NULL;
}

int passline_first_touch(float *row, size_t n, int cpu) {
  if (cpu < 0) {
    memset(row, 0, n * sizeof *row);
    return 0;
  }
  first_touch touch = {.row = row, .n = n, .cpu = cpu};
  pthread_t thread;
  const int error = pthread_create(&thread, NULL, touch_pinned, &touch);
  if (error != 0) return error;
  pthread_join(thread, NULL);
  return touch.error;
}
