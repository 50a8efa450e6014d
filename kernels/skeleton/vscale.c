// SPDX-License-Identifier: Apache-2.0
//
// vscale: y = x * state->scale. y may be x.
#include "pass.h"

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  const vec scale = vec_set1(state->scale);

  for (; n >= STEP; n -= STEP, x += STEP, y += STEP) {
    UNROLL_ALL
    for (int i = 0; i < PASSLINE_UNROLL; i++)
      vec_store(y + i * LANES, vec_mul(vec_load(x + i * LANES), scale));
  }
  for (; n >= LANES; n -= LANES, x += LANES, y += LANES) vec_store(y, vec_mul(vec_load(x), scale));
  if (n > 0) vec_store_tail(y, n, vec_mul(vec_load_tail(x, n, scale), scale));
}

PASSLINE_EXPORT(PASSLINE_SYMBOL, NULL, NULL);
