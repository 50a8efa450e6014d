// SPDX-License-Identifier: Apache-2.0
//
// vscale: y = x * state->scale. y may be x.
#include "pass.h"

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  MAP_ROW(n, x, y, vec_mul, vec_set1(state->scale));
}

PASSLINE_EXPORT(PASSLINE_SYMBOL, NULL, NULL);
