// SPDX-License-Identifier: Apache-2.0
//
// raddstoreexpref: y = exp(x) over one reference (total.h), and state->sum = the sum of y.
//
// y / sum is the softmax whatever the reference is. It is needed only where a row is split: the pair says
// what the parts weigh beside each other.
#include "softmax/total.h"
#include "softmax/parts.h"

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  const total t = total_of(1, n, x, y);
  state->sum = (float)t.sum;
  // Here, where the sum has not yet been rounded to a float. It has the bias of what weighs most in it, which
  // lies about half as far below it as the middle.
  const double scale = 1.0 / weight_bias(-0.5 * middle_below_sum(n)) / t.sum;
  state->scale = (float)scale;
  state->scale_rest = (float)(scale - state->scale);
  total_pair(&t, state);
}

PASSLINE_EXPORT(PASSLINE_SYMBOL, NULL, parts_stored);
