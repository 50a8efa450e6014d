// SPDX-License-Identifier: Apache-2.0
//
// vmulref: y = y * (state->scale + state->scale_rest), in place.
//
// The rounding of 1 / sum is an error of all outputs, up to 1 ULP; one more product undoes it.
#include "pass.h"

SIMD_INLINE vec scaled(vec y, vec scale, vec rest) { return vec_fma(y, scale, vec_mul(y, rest)); }

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  (void)x;
  const vec scale = vec_set1(state->scale), rest = vec_set1(state->scale_rest);

  for (; n >= STEP; n -= STEP, y += STEP) {
    UNROLL_ALL
    for (int i = 0; i < PASSLINE_UNROLL; i++)
      vec_store(y + i * LANES, scaled(vec_load(y + i * LANES), scale, rest));
  }
  for (; n >= LANES; n -= LANES, y += LANES) vec_store(y, scaled(vec_load(y), scale, rest));
  if (n > 0) vec_store_tail(y, n, scaled(vec_load_tail(y, n, scale), scale, rest));
}

PASSLINE_EXPORT(PASSLINE_SYMBOL, NULL, NULL);
