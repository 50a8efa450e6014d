// SPDX-License-Identifier: Apache-2.0
//
// vscaleextexp: y = exp(x) * state->scale * 2^-state->exponent.
//
// No term's exponent n is larger than the sum's, so that every power of two is at most 1. And no score needs
// to be told from the one at which that power becomes 0: raised to it, none needs a check of its n.
// A scale of NaN makes the polynomial NaN, and with it every output.
#include "softmax/exp.h"

typedef struct context {
  vec lowest;  // score at which 2^(n - exponent) is 0
  vec origin;  // of that power
  exp_polynomial polynomial;
} context;

// Turns x in v into y.
SIMD_INLINE void transform(int count, vec v[], const context *c) {
  vec p[EXP_GROUP], n_biased[EXP_GROUP];
  exp_extended(count, v, c->lowest, &c->polynomial, p, n_biased);
  UNROLL_ALL
  for (int i = 0; i < count; i++) v[i] = vec_mul_pow2(p[i], vec_pow2_within(n_biased[i], c->origin));
}

SIMD_INLINE void group(int count, int first, const float *x, float *y, const context *c) {
  vec v[EXP_GROUP];
  load_all(count, x + first * LANES, v);
  transform(count, v, c);
  store_all(count, y + first * LANES, v);
}

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  const context c = {.lowest = vec_set1((float)((state->exponent + VEC_POW2_ZERO) * EXP_LN2)),
                     .origin = vec_pow2_origin(vec_set1(state->exponent + VEC_POW2_BIAS)),
                     .polynomial = exp_polynomial_of(state->scale)};

  for (; n >= STEP; n -= STEP, x += STEP, y += STEP) {
    UNROLL_ALL
    for (int i = 0; i < EXP_GROUPS; i++) group(EXP_GROUP, i * EXP_GROUP, x, y, &c);
    group(EXP_REST, EXP_GROUPS * EXP_GROUP, x, y, &c);
  }
  for (; n >= LANES; n -= LANES, x += LANES, y += LANES) group(1, 0, x, y, &c);
  if (n > 0) {
    vec tail = vec_load_tail(x, n, vec_set1(0.0f));
    transform(1, &tail, &c);
    vec_store_tail(y, n, tail);
  }
}

PASSLINE_EXPORT(PASSLINE_SYMBOL, NULL, NULL);
