// SPDX-License-Identifier: Apache-2.0
//
// sumsq: state->sum = the sum of x^2, and state->scale, which is made of it.
//
// A pass includes pass.h, which brings the vector operations of one instruction set (kernels/README.md lists
// them) and the loops over a row. It is compiled once per variant, with its dimensions as macros.
#include "pass.h"
#include "scale.h"

// A partial sum for each vector of a step, in either precision.
#if SUMS_DOUBLE
typedef vec_sums partial;
SIMD_INLINE partial zero(void) { return vec_sums_zero(); }
SIMD_INLINE void add(vec v, int i, partial sums[]) { vec_sums_add(&sums[i], vec_mul(v, v)); }
SIMD_INLINE double total(partial sum) { return vec_sums_total(sum); }
#else
typedef vec partial;
SIMD_INLINE partial zero(void) { return vec_set1(0.0f); }
SIMD_INLINE void add(vec v, int i, partial sums[]) { sums[i] = vec_fma(v, v, sums[i]); }
SIMD_INLINE double total(partial sum) { return vec_reduce_add(sum); }
#endif

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  (void)y;
  partial sums[PASSLINE_UNROLL];
  UNROLL_ALL
  for (int i = 0; i < PASSLINE_UNROLL; i++) sums[i] = zero();
  REDUCE_ROW(n, x, 0.0f, add, sums);
  double sum = 0.0;
  UNROLL_ALL
  for (int i = 0; i < PASSLINE_UNROLL; i++) sum += total(sums[i]);
  leave(state, sum, n);
}

// The pass, what is made of its state once at the end (NULL: nothing), and for a row that threads share.
PASSLINE_EXPORT(PASSLINE_SYMBOL, NULL, combine);
