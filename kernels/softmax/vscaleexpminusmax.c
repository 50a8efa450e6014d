// SPDX-License-Identifier: Apache-2.0
//
// vscaleexpminusmax: y = exp(x - state->max) * state->scale.
#include <math.h>

#include "softmax/exp.h"

// Turns x in v into y.
SIMD_INLINE void step(int count, vec v[], vec max, const exp_polynomial *polynomial) {
  vec p[EXP_GROUP];
  vec_pow2 power[EXP_GROUP];
  exp_below_max(count, v, max, polynomial, p, power);
  UNROLL_ALL
  for (int i = 0; i < count; i++) v[i] = vec_mul_pow2(p[i], power[i]);
}

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  const vec max = vec_set1(state->max);
  const exp_polynomial polynomial = exp_polynomial_of(state->scale);
  vec v[EXP_GROUP];

  for (; n >= STEP; n -= STEP, x += STEP, y += STEP) {
    UNROLL_ALL
    for (int i = 0; i < EXP_GROUPS; i++) {
      load_all(EXP_GROUP, x + i * EXP_GROUP * LANES, v);
      step(EXP_GROUP, v, max, &polynomial);
      store_all(EXP_GROUP, y + i * EXP_GROUP * LANES, v);
    }
    if (EXP_REST > 0) {
      load_all(EXP_REST, x + EXP_GROUPS * EXP_GROUP * LANES, v);
      step(EXP_REST, v, max, &polynomial);
      store_all(EXP_REST, y + EXP_GROUPS * EXP_GROUP * LANES, v);
    }
  }
  for (; n >= LANES; n -= LANES, x += LANES, y += LANES) {
    load_all(1, x, v);
    step(1, v, max, &polynomial);
    store_all(1, y, v);
  }
  if (n > 0) {
    v[0] = vec_load_tail(x, n, max);
    step(1, v, max, &polynomial);
    vec_store_tail(y, n, v[0]);
  }
}

PASSLINE_EXPORT(PASSLINE_SYMBOL, NULL);
