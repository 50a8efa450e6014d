// SPDX-License-Identifier: Apache-2.0
//
// vmulc: y = y * state->scale, in place.
#include "pass.h"

SIMD_INLINE void step(int count, vec v[], vec scale) {
  UNROLL_ALL
  for (int i = 0; i < count; i++) v[i] = vec_mul(v[i], scale);
}

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  (void)x;
  const vec scale = vec_set1(state->scale);
  vec v[PASSLINE_UNROLL];

  for (; n >= STEP; n -= STEP, y += STEP) {
    load_all(PASSLINE_UNROLL, y, v);
    step(PASSLINE_UNROLL, v, scale);
    store_all(PASSLINE_UNROLL, y, v);
  }
  for (; n >= LANES; n -= LANES, y += LANES) {
    load_all(1, y, v);
    step(1, v, scale);
    store_all(1, y, v);
  }
  if (n > 0) {
    v[0] = vec_load_tail(y, n, scale);
    step(1, v, scale);
    vec_store_tail(y, n, v[0]);
  }
}

PASSLINE_EXPORT(PASSLINE_SYMBOL, NULL);
