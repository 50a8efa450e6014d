// SPDX-License-Identifier: Apache-2.0
//
// vscaleextexp: y = exp(x) * state->scale * 2^-state->exponent.
//
// No term's exponent is larger than the sum's, so that every power of two is at most 1.
// A scale of NaN makes the polynomial NaN, and with it every output.
#include "softmax/exp.h"

// Turns x in v into y.
SIMD_INLINE void step(int count, vec v[], vec origin, const exp_polynomial *polynomial) {
  vec p[EXP_GROUP], n_biased[EXP_GROUP];
  exp_extended(count, v, polynomial, p, n_biased);
  UNROLL_ALL
  for (int i = 0; i < count; i++) v[i] = vec_mul_pow2(p[i], vec_pow2_below(n_biased[i], origin));
}

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  const vec origin = vec_pow2_origin(vec_set1(state->exponent + VEC_POW2_BIAS));
  const exp_polynomial polynomial = exp_polynomial_of(state->scale);
  vec v[EXP_GROUP];

  for (; n >= STEP; n -= STEP, x += STEP, y += STEP) {
    UNROLL_ALL
    for (int i = 0; i < EXP_GROUPS; i++) {
      load_all(EXP_GROUP, x + i * EXP_GROUP * LANES, v);
      step(EXP_GROUP, v, origin, &polynomial);
      store_all(EXP_GROUP, y + i * EXP_GROUP * LANES, v);
    }
    if (EXP_REST > 0) {
      load_all(EXP_REST, x + EXP_GROUPS * EXP_GROUP * LANES, v);
      step(EXP_REST, v, origin, &polynomial);
      store_all(EXP_REST, y + EXP_GROUPS * EXP_GROUP * LANES, v);
    }
  }
  for (; n >= LANES; n -= LANES, x += LANES, y += LANES) {
    load_all(1, x, v);
    step(1, v, origin, &polynomial);
    store_all(1, y, v);
  }
  if (n > 0) {
    v[0] = vec_load_tail(x, n, vec_set1(0.0f));
    step(1, v, origin, &polynomial);
    vec_store_tail(y, n, v[0]);
  }
}

PASSLINE_EXPORT(PASSLINE_SYMBOL, NULL);
