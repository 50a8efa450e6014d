// SPDX-License-Identifier: Apache-2.0
//
// raddexpref: the sum of exp(x) as a pair, state->mantissa * 2^state->exponent, over one reference (total.h).
//
// The pair means what it means after raddextexp.
#include "softmax/total.h"

// Exponents that fit a float exactly, and are as far from its limits as those of raddextexp.
#define EXPONENT_LIMIT 4.0e6f

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  const total t = total_of(0, n, x, y);
  const double log2_reference = reference_log2(t.reference);
  int exponent = 0;
  const double mantissa = frexp(t.sum / reference_excess(t.reference), &exponent);
  const double whole = floor(log2_reference);
  state->mantissa = (float)(mantissa * exp2(log2_reference - whole));
  state->exponent = (float)(whole + exponent);
  state->clamp = (float)t.careful;
}

static void finish(passline_state *state) {
  // Written so that NaN is outside too; so is a row of -inf alone, whose sum is 0.
  const int inside =
      fabsf(state->exponent) < EXPONENT_LIMIT && state->mantissa > 0.0f && state->mantissa < INFINITY;
  if (!inside) state->mantissa = state->exponent = NAN;
  state->scale = 1.0f / state->mantissa;
}

PASSLINE_EXPORT(PASSLINE_SYMBOL, finish);
