// SPDX-License-Identifier: Apache-2.0
//
// best.h: a part of a batch, by the choice for all of it.
#ifndef PASSLINE_RUNTIME_BEST_H
#define PASSLINE_RUNTIME_BEST_H

#include "passline.h"

// n_rows rows of n floats, which start x_distance and y_distance floats apart.
typedef struct best_batch {
  size_t n_rows, n, x_distance, y_distance;
  const float *x;
  float *y;
} best_batch;

// Of the rows of each thread, those from `from` / `of` of them to `to` / `of`.
typedef struct best_part {
  size_t from, to, of;
} best_part;

// passline_softmax_batch is all of a batch. The timing loop takes it in parts, so that a value is as long as
// that of anything else: every thread has the rows, and runs the variants, that it has of the whole.
void best_run(const passline_best *best, best_batch batch, best_part part);

#endif  // PASSLINE_RUNTIME_BEST_H
