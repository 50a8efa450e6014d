// SPDX-License-Identifier: Apache-2.0
//
// sumsq: state->sum = the sum of x^2, and state->scale = 1 / sqrt(sum / n + EPS), by which vscale multiplies.
//
// A pass includes pass.h, which brings the vector operations of one instruction set (kernels/README.md lists
// them), LANES and STEP. It is compiled once per variant, with its dimensions as macros.
#include <math.h>

#include "pass.h"

// reference.py must say the same.
#define EPS 1e-5

// A partial sum per vector of a step, in either precision.
#if SUMS_DOUBLE
typedef vec_sums partial;
SIMD_INLINE partial partial_zero(void) { return vec_sums_zero(); }
SIMD_INLINE void partial_add(partial *sum, vec v) { vec_sums_add(sum, vec_mul(v, v)); }
SIMD_INLINE double partial_total(partial sum) { return vec_sums_total(sum); }
#else
typedef vec partial;
SIMD_INLINE partial partial_zero(void) { return vec_set1(0.0f); }
SIMD_INLINE void partial_add(partial *sum, vec v) { *sum = vec_fma(v, v, *sum); }
SIMD_INLINE double partial_total(partial sum) { return vec_reduce_add(sum); }
#endif

static void leave(passline_state *state, double sum, size_t n) {
  state->sum = (float)sum;
  state->scale = (float)(1.0 / sqrt(sum / (double)n + EPS));
}

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  (void)y;
  const size_t all = n;
  partial sums[PASSLINE_UNROLL];
  UNROLL_ALL
  for (int i = 0; i < PASSLINE_UNROLL; i++) sums[i] = partial_zero();

  for (; n >= STEP; n -= STEP, x += STEP) {
    UNROLL_ALL
    for (int i = 0; i < PASSLINE_UNROLL; i++) partial_add(&sums[i], vec_load(x + i * LANES));
  }
  for (; n >= LANES; n -= LANES, x += LANES) partial_add(&sums[0], vec_load(x));
  if (n > 0) partial_add(&sums[0], vec_load_tail(x, n, vec_set1(0.0f)));

  double total = 0.0;
  UNROLL_ALL
  for (int i = 0; i < PASSLINE_UNROLL; i++) total += partial_total(sums[i]);
  leave(state, total, all);
}

// A row split over threads: what its parts left becomes what the whole row would have left, in each of them.
static void combine(passline_part *parts, size_t n_parts) {
  double sum = 0.0;
  size_t n = 0;
  for (size_t i = 0; i < n_parts; i++) {
    sum += parts[i].state.sum;
    n += parts[i].n;
  }
  for (size_t i = 0; i < n_parts; i++) leave(&parts[i].state, sum, n);
}

// The pass, what is made of its state once at the end (NULL: nothing), and for a row that threads share.
PASSLINE_EXPORT(PASSLINE_SYMBOL, NULL, combine);
