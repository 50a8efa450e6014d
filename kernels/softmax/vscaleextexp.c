// SPDX-License-Identifier: Apache-2.0
//
// vscaleextexp: y = exp(x) * state->scale * 2^-state->exponent.
//
// No term's exponent is larger than the sum's, so that every power of two is at most 1.
// A scale of NaN makes the polynomial NaN, and with it every output.
#include "softmax/exp.h"

// Turns x in v into y.
SIMD_INLINE void transform(int count, vec v[], vec origin, const exp_polynomial *polynomial) {
  vec p[EXP_GROUP], n_biased[EXP_GROUP];
  exp_extended(count, v, polynomial, p, n_biased);
  UNROLL_ALL
  for (int i = 0; i < count; i++) v[i] = vec_mul_pow2(p[i], vec_pow2_below(n_biased[i], origin));
}

SIMD_INLINE void group(int count, int first, const float *x, float *y, vec origin,
                       const exp_polynomial *polynomial) {
  vec v[EXP_GROUP];
  load_all(count, x + first * LANES, v);
  transform(count, v, origin, polynomial);
  store_all(count, y + first * LANES, v);
}

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  const vec origin = vec_pow2_origin(vec_set1(state->exponent + VEC_POW2_BIAS));
  const exp_polynomial polynomial = exp_polynomial_of(state->scale);

  for (; n >= STEP; n -= STEP, x += STEP, y += STEP) {
    UNROLL_ALL
    for (int i = 0; i < EXP_GROUPS; i++) group(EXP_GROUP, i * EXP_GROUP, x, y, origin, &polynomial);
    group(EXP_REST, EXP_GROUPS * EXP_GROUP, x, y, origin, &polynomial);
  }
  for (; n >= LANES; n -= LANES, x += LANES, y += LANES) group(1, 0, x, y, origin, &polynomial);
  if (n > 0) {
    vec tail = vec_load_tail(x, n, vec_set1(0.0f));
    transform(1, &tail, origin, &polynomial);
    vec_store_tail(y, n, tail);
  }
}

PASSLINE_EXPORT(PASSLINE_SYMBOL, NULL);
