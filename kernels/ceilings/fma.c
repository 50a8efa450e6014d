// SPDX-License-Identifier: Apache-2.0
//
// fma: peak arithmetic. For every whole vector of n, PASSLINE_UNROLL independent fused multiply-adds on
// registers. (Without fused multiply-add, a multiplication and an addition.)
//
// v = v v + v has one operand only, so that 16 chains fit the 16 registers of AVX2. Started in (-1, 0) it
// creeps towards 0 as -1 / step: no overflow, no denormal, no constant that the compiler could foresee.
#include "pass.h"

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  (void)x;
  (void)y;
  vec v[PASSLINE_UNROLL];
  UNROLL_ALL
  for (int i = 0; i < PASSLINE_UNROLL; i++) v[i] = vec_set1(-1.0f / (2.0f + state->scale * (float)i));

  for (; n >= LANES; n -= LANES) {
    UNROLL_ALL
    for (int i = 0; i < PASSLINE_UNROLL; i++) v[i] = vec_fma(v[i], v[i], v[i]);
  }

  // The chains count as work only if their ends are wanted.
  UNROLL_ALL
  for (int i = 1; i < PASSLINE_UNROLL; i++) v[0] = vec_add(v[0], v[i]);
  state->sum = vec_reduce_add(v[0]);
}

PASSLINE_EXPORT(PASSLINE_SYMBOL, NULL, NULL);
