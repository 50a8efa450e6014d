// SPDX-License-Identifier: Apache-2.0
//
// vmulref: y = y * (state->scale + state->scale_rest), in place.
//
// A scale that is one float is off by up to 2^-24 of itself, and so is every output: the second undoes it.
#include "pass.h"

typedef struct factor {
  vec scale, rest;
} factor;

SIMD_INLINE vec scaled(vec y, factor f) { return vec_fma(y, f.scale, vec_mul(y, f.rest)); }

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  (void)x;
  MAP_ROW(n, y, y, scaled, ((factor){vec_set1(state->scale), vec_set1(state->scale_rest)}));
}

PASSLINE_EXPORT(PASSLINE_SYMBOL, NULL, NULL);
