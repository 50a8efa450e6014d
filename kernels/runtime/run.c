// SPDX-License-Identifier: Apache-2.0
//
// The timing loop: rows, passes, and where the clock is read.
#define _GNU_SOURCE
#include "runtime/run.h"

#include "runtime/best.h"
#include "runtime/clock.h"
#include "runtime/denormals.h"

static inline void run_pass(const passline_variant *pass, size_t n, const float *x, float *y,
                            passline_state *state) {
  pass->run(n, x, y, state);
  if (pass->finish != NULL) pass->finish(state);
}

static inline void run_passes(const passline_workload *workload, size_t n, const float *x, float *y) {
  if (workload->best != NULL) {
    passline_softmax(workload->best, n, x, y);
    return;
  }
  passline_state state = workload->initial;
  for (size_t i = 0; i < workload->n_passes; i++) run_pass(workload->passes[i], n, x, y, &state);
}

run_position run_position_at(const passline_workload *workload, uint64_t call) {
  return (run_position){(size_t)(call % workload->n_x_rows), (size_t)(call % workload->n_y_rows)};
}

// A read of y by a pass that reads x: y stands in its place.
static inline void consume(const passline_workload *workload, float *y) {
  if (workload->consumer == NULL) return;
  passline_state state = workload->initial;
  workload->consumer->run(workload->n_elements, y, y, &state);
}

static inline int planted_in(const passline_workload *workload, uint64_t call) {
  return workload->planted_elements > 0 &&
         (workload->planted_every < 2 || call % workload->planted_every == 0);
}

static inline void next_row(const passline_workload *workload, run_position *position) {
  if (++position->x_row == workload->n_x_rows) position->x_row = 0;
  if (++position->y_row == workload->n_y_rows) position->y_row = 0;
}

// Calls on one batch, the rows of which lie one behind the other.
static void run_batch(const passline_workload *workload, uint64_t calls, run_position *position) {
  const size_t n = workload->n_elements, of = workload->n_x_rows;
  const best_batch batch = {workload->batch_rows, n, n, n, workload->x_rows[0], workload->y_rows[0]};
  for (size_t taken; calls > 0; calls -= taken) {
    const size_t from = position->x_row, left = of - from;
    taken = calls < left ? (size_t)calls : left;
    best_run(workload->best, batch, (best_part){from, from + taken, of});
    position->x_row = position->y_row = (from + taken) % of;
  }
}

void run_calls(const passline_workload *workload, uint64_t calls, run_position *position) {
  if (workload->best != NULL && workload->batch_rows > 0 && workload->consumer == NULL) {
    run_batch(workload, calls, position);
    return;
  }
  for (uint64_t call = 0; call < calls; call++) {
    const float *x = workload->x_rows[position->x_row];
    float *y = workload->y_rows[position->y_row];
    run_passes(workload, workload->n_elements, x, y);
    if (planted_in(workload, call)) run_passes(workload, workload->planted_elements, x, y);
    consume(workload, y);
    next_row(workload, position);
  }
}

// Brings a row as close to the core as it fits: one element per cache line.
static void touch(const float *row, size_t n) {
  enum { ELEMENTS_PER_LINE = 64 / sizeof(float) };
  for (size_t i = 0; i < n; i += ELEMENTS_PER_LINE) (void)*(const volatile float *)(row + i);
}

// One call with the clock around it and, where pass_ns is not NULL, between its passes.
static uint64_t clocked_call(const passline_workload *workload, uint64_t call, run_position *position,
                             uint64_t *pass_ns) {
  const float *x = workload->x_rows[position->x_row];
  float *y = workload->y_rows[position->y_row];
  if (workload->touch_x) touch(x, workload->n_elements);
  passline_state state = workload->initial;
  const uint64_t start = clock_ns();
  uint64_t before = start;
  if (pass_ns == NULL) run_passes(workload, workload->n_elements, x, y);
  for (size_t i = 0; pass_ns != NULL && i < workload->n_passes; i++) {
    run_pass(workload->passes[i], workload->n_elements, x, y, &state);
    const uint64_t now = clock_ns();
    pass_ns[i] += now - before;
    before = now;
  }
  if (planted_in(workload, call)) run_passes(workload, workload->planted_elements, x, y);
  consume(workload, y);
  const uint64_t end = pass_ns != NULL ? before : clock_ns();
  next_row(workload, position);
  return end - start;
}

uint64_t passline_run(const passline_workload *workload, uint64_t calls, uint64_t *cursor,
                      uint64_t *pass_ns) {
  const unsigned control = denormals_off();
  run_position position = run_position_at(workload, *cursor);
  uint64_t elapsed = 0;
  // Touching must stay outside the clock, so that it too wants a clock around every call.
  if (workload->clock_each_call || workload->touch_x || pass_ns != NULL) {
    for (uint64_t call = 0; call < calls; call++) elapsed += clocked_call(workload, call, &position, pass_ns);
  } else {
    const uint64_t start = clock_ns();
    run_calls(workload, calls, &position);
    elapsed = clock_ns() - start;
  }
  *cursor += calls;
  denormals_restore(control);
  return elapsed;
}

void passline_call(const passline_workload *workload, passline_state *state) {
  *state = workload->initial;
  for (size_t i = 0; i < workload->n_passes; i++) {
    run_pass(workload->passes[i], workload->n_elements, workload->x_rows[0], workload->y_rows[0], state);
  }
}
