// SPDX-License-Identifier: Apache-2.0
//
// raddexpref: the sum of exp(x) as a pair, (state->mantissa + state->rest) * 2^state->exponent, over
// one reference (total.h).
//
// The pair means what it means after raddextexp.
#include "softmax/total.h"
#include "softmax/parts.h"

// Exponents that fit a float exactly, and are as far from its limits as those of raddextexp.
#define EXPONENT_LIMIT 4.0e6f

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  const total t = total_of(0, n, x, y);
  total_pair(&t, state);
  state->clamp = (float)t.careful;
}

static void finish(passline_state *state) {
  // Written so that NaN is outside too; so is a row of -inf alone, whose sum is 0.
  const int inside =
      fabsf(state->exponent) < EXPONENT_LIMIT && state->mantissa > 0.0f && state->mantissa < INFINITY;
  if (!inside) state->mantissa = state->exponent = NAN;
  state->scale = 1.0f / state->mantissa;
}

PASSLINE_EXPORT(PASSLINE_SYMBOL, finish, parts_pair);
