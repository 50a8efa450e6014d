// SPDX-License-Identifier: Apache-2.0
//
// read: the sum of x, one accumulator per vector of a step so that additions never wait for each other.
#include "pass.h"

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  (void)y;
  vec sum[PASSLINE_UNROLL];
  UNROLL_ALL
  for (int i = 0; i < PASSLINE_UNROLL; i++) sum[i] = vec_set1(0.0f);

  for (; n >= STEP; n -= STEP, x += STEP) {
    UNROLL_ALL
    for (int i = 0; i < PASSLINE_UNROLL; i++) sum[i] = vec_add(sum[i], vec_load(x + i * LANES));
  }
  for (; n >= LANES; n -= LANES, x += LANES) sum[0] = vec_add(sum[0], vec_load(x));
  if (n > 0) sum[0] = vec_add(sum[0], vec_load_tail(x, n, vec_set1(0.0f)));

  UNROLL_ALL
  for (int i = 1; i < PASSLINE_UNROLL; i++) sum[0] = vec_add(sum[0], sum[i]);
  state->sum = vec_reduce_add(sum[0]);
}

PASSLINE_EXPORT(PASSLINE_SYMBOL, NULL, NULL);
