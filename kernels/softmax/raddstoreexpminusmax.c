// SPDX-License-Identifier: Apache-2.0
//
// raddstoreexpminusmax: y = exp(x - state->max), and state->sum = the sum of y.
#include <math.h>

#include "softmax/exp.h"
#include "softmax/parts.h"

typedef struct accumulation {
  vec max;
  exp_polynomial polynomial;
  vec sum[PASSLINE_ACCUMULATORS];
} accumulation;

// Turns x in v into y. v[i] is vector number first + i of its step, and goes to that accumulator modulo their
// number.
SIMD_INLINE void transform(int count, int first, vec v[], accumulation *a) {
  vec p[EXP_GROUP];
  vec_pow2 power[EXP_GROUP];
  exp_below_max(count, v, a->max, &a->polynomial, p, power);
  UNROLL_ALL
  for (int i = 0; i < count; i++) v[i] = vec_mul_pow2(p[i], power[i]);
  UNROLL_ALL
  for (int i = 0; i < count; i++) {
    vec *sum = &a->sum[(first + i) % PASSLINE_ACCUMULATORS];
    *sum = vec_add(*sum, v[i]);
  }
}

SIMD_INLINE void group(int count, int first, const float *x, float *y, accumulation *a) {
  vec v[EXP_GROUP];
  load_all(count, x + first * LANES, v);
  transform(count, first, v, a);
  store_all(count, y + first * LANES, v);
}

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  accumulation a = {.max = vec_set1(state->max), .polynomial = exp_polynomial_of(1.0f)};
  UNROLL_ALL
  for (int i = 0; i < PASSLINE_ACCUMULATORS; i++) a.sum[i] = vec_set1(0.0f);

  for (; n >= STEP; n -= STEP, x += STEP, y += STEP) {
    UNROLL_ALL
    for (int i = 0; i < EXP_GROUPS; i++) group(EXP_GROUP, i * EXP_GROUP, x, y, &a);
    group(EXP_REST, EXP_GROUPS * EXP_GROUP, x, y, &a);
  }
  for (; n >= LANES; n -= LANES, x += LANES, y += LANES) group(1, 0, x, y, &a);
  if (n > 0) {
    vec tail = vec_load_tail(x, n, vec_set1(-INFINITY));  // exp(-inf) adds 0
    transform(1, 0, &tail, &a);
    vec_store_tail(y, n, tail);
  }

  UNROLL_ALL
  for (int i = 1; i < PASSLINE_ACCUMULATORS; i++) a.sum[0] = vec_add(a.sum[0], a.sum[i]);
  state->sum = vec_reduce_add(a.sum[0]);
}

static void finish(passline_state *state) { state->scale = 1.0f / state->sum; }

PASSLINE_EXPORT(PASSLINE_SYMBOL, finish, parts_sum);
