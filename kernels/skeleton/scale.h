// SPDX-License-Identifier: Apache-2.0
//
// scale.h: what any pass that sums squares leaves in the state, of its row or of a row that threads share.
#ifndef SCALE_H
#define SCALE_H

#include <math.h>

#include "passline.h"

// vscale multiplies by state->scale.
static inline void leave(passline_state *state, double sum, size_t n) {
  state->sum = (float)sum;
  state->scale = (float)(1.0 / sqrt(sum / (double)n + EPS));
}

// A row split over threads: what its parts left becomes what the whole row would have left, in each of them.
static inline void combine(passline_part *parts, size_t n_parts) {
  double sum = 0.0;
  size_t n = 0;
  for (size_t i = 0; i < n_parts; i++) {
    sum += parts[i].state.sum;
    n += parts[i].n;
  }
  for (size_t i = 0; i < n_parts; i++) leave(&parts[i].state, sum, n);
}

#endif  // SCALE_H
