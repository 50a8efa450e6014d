// SPDX-License-Identifier: Apache-2.0
//
// raddstoreexpminusmax: y = exp(x - state->max), and state->sum = the sum of y.
#include <math.h>

#include "softmax/exp.h"

// Leaves y in v. The i-th of `count` vectors goes to accumulator i mod PASSLINE_ACCUMULATORS.
SIMD_INLINE void step(int count, int first, vec v[], vec max, const exp_polynomial *polynomial,
                      vec sum[PASSLINE_ACCUMULATORS]) {
  vec p[EXP_GROUP];
  vec_pow2 power[EXP_GROUP];
  exp_below_max(count, v, max, polynomial, p, power);
  UNROLL_ALL
  for (int i = 0; i < count; i++) v[i] = vec_mul_pow2(p[i], power[i]);
  UNROLL_ALL
  for (int i = 0; i < count; i++) {
    vec *so_far = &sum[(first + i) % PASSLINE_ACCUMULATORS];
    *so_far = vec_add(*so_far, v[i]);
  }
}

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  const vec max = vec_set1(state->max);
  const exp_polynomial polynomial = exp_polynomial_of(1.0f);
  vec v[EXP_GROUP], sum[PASSLINE_ACCUMULATORS];
  UNROLL_ALL
  for (int a = 0; a < PASSLINE_ACCUMULATORS; a++) sum[a] = vec_set1(0.0f);

  for (; n >= STEP; n -= STEP, x += STEP, y += STEP) {
    UNROLL_ALL
    for (int i = 0; i < EXP_GROUPS; i++) {
      load_all(EXP_GROUP, x + i * EXP_GROUP * LANES, v);
      step(EXP_GROUP, i * EXP_GROUP, v, max, &polynomial, sum);
      store_all(EXP_GROUP, y + i * EXP_GROUP * LANES, v);
    }
    if (EXP_REST > 0) {
      load_all(EXP_REST, x + EXP_GROUPS * EXP_GROUP * LANES, v);
      step(EXP_REST, EXP_GROUPS * EXP_GROUP, v, max, &polynomial, sum);
      store_all(EXP_REST, y + EXP_GROUPS * EXP_GROUP * LANES, v);
    }
  }
  for (; n >= LANES; n -= LANES, x += LANES, y += LANES) {
    load_all(1, x, v);
    step(1, 0, v, max, &polynomial, sum);
    store_all(1, y, v);
  }
  if (n > 0) {
    v[0] = vec_load_tail(x, n, vec_set1(-INFINITY));  // exp(-inf) adds 0
    step(1, 0, v, max, &polynomial, sum);
    vec_store_tail(y, n, v[0]);
  }

  UNROLL_ALL
  for (int a = 1; a < PASSLINE_ACCUMULATORS; a++) sum[0] = vec_add(sum[0], sum[a]);
  state->sum = vec_reduce_add(sum[0]);
}

static void finish(passline_state *state) { state->scale = 1.0f / state->sum; }

PASSLINE_EXPORT(PASSLINE_SYMBOL, finish);
