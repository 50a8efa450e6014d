// SPDX-License-Identifier: Apache-2.0
//
// rmax: state->max = the maximum of x.
//
// NaN is ignored here: the next pass meets it again, and its sum becomes NaN.
#include <math.h>

#include "pass.h"
#include "softmax/parts.h"

// v[i] goes to accumulator i modulo their number.
SIMD_INLINE void include(int count, const vec v[], vec max[PASSLINE_ACCUMULATORS]) {
  UNROLL_ALL
  for (int i = 0; i < count; i++) {
    vec *so_far = &max[i % PASSLINE_ACCUMULATORS];
    *so_far = vec_max(v[i], *so_far);
  }
}

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  (void)y;
  const vec lowest = vec_set1(-INFINITY);
  vec v[PASSLINE_UNROLL], max[PASSLINE_ACCUMULATORS];
  UNROLL_ALL
  for (int a = 0; a < PASSLINE_ACCUMULATORS; a++) max[a] = lowest;

  for (; n >= STEP; n -= STEP, x += STEP) {
    load_all(PASSLINE_UNROLL, x, v);
    include(PASSLINE_UNROLL, v, max);
  }
  for (; n >= LANES; n -= LANES, x += LANES) {
    load_all(1, x, v);
    include(1, v, max);
  }
  if (n > 0) {
    v[0] = vec_load_tail(x, n, lowest);
    include(1, v, max);
  }

  UNROLL_ALL
  for (int a = 1; a < PASSLINE_ACCUMULATORS; a++) max[0] = vec_max(max[0], max[a]);
  state->max = vec_reduce_max(max[0]);
}

PASSLINE_EXPORT(PASSLINE_SYMBOL, NULL, parts_maximum);
