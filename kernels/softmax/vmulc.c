// SPDX-License-Identifier: Apache-2.0
//
// vmulc: y = y * state->scale, in place.
#include "pass.h"

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  (void)x;
  const vec scale = vec_set1(state->scale);

  for (; n >= STEP; n -= STEP, y += STEP) {
    UNROLL_ALL
    for (int i = 0; i < PASSLINE_UNROLL; i++)
      vec_store(y + i * LANES, vec_mul(vec_load(y + i * LANES), scale));
  }
  for (; n >= LANES; n -= LANES, y += LANES) vec_store(y, vec_mul(vec_load(y), scale));
  if (n > 0) vec_store_tail(y, n, vec_mul(vec_load_tail(y, n, scale), scale));
}

PASSLINE_EXPORT(PASSLINE_SYMBOL, NULL, NULL);
