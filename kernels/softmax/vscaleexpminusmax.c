// SPDX-License-Identifier: Apache-2.0
//
// vscaleexpminusmax: y = exp(x - state->max) * state->scale.
#include "softmax/exp.h"

// Turns x in v into y.
SIMD_INLINE void transform(int count, vec v[], vec max, const exp_polynomial *polynomial) {
  vec p[EXP_GROUP];
  vec_pow2 power[EXP_GROUP];
  exp_below_max(count, v, max, polynomial, p, power);
  UNROLL_ALL
  for (int i = 0; i < count; i++) v[i] = vec_mul_pow2(p[i], power[i]);
}

SIMD_INLINE void group(int count, int first, const float *x, float *y, vec max,
                       const exp_polynomial *polynomial) {
  vec v[EXP_GROUP];
  load_all(count, x + first * LANES, v);
  transform(count, v, max, polynomial);
  store_all(count, y + first * LANES, v);
}

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  const vec max = vec_set1(state->max);
  const exp_polynomial polynomial = exp_polynomial_of(state->scale);

  for (; n >= STEP; n -= STEP, x += STEP, y += STEP) {
    UNROLL_ALL
    for (int i = 0; i < EXP_GROUPS; i++) group(EXP_GROUP, i * EXP_GROUP, x, y, max, &polynomial);
    group(EXP_REST, EXP_GROUPS * EXP_GROUP, x, y, max, &polynomial);
  }
  for (; n >= LANES; n -= LANES, x += LANES, y += LANES) group(1, 0, x, y, max, &polynomial);
  if (n > 0) {
    vec tail = vec_load_tail(x, n, max);
    transform(1, &tail, max, &polynomial);
    vec_store_tail(y, n, tail);
  }
}

PASSLINE_EXPORT(PASSLINE_SYMBOL, NULL, NULL);
