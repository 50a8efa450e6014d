// SPDX-License-Identifier: Apache-2.0
//
// raddstoreexpref: y = exp(x) over one reference (total.h), and state->sum = the sum of y.
//
// The reference itself is not needed any more: y / sum is the softmax whatever it is.
#include "softmax/total.h"

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  const double sum = total_of(1, n, x, y).sum;
  state->sum = (float)sum;
  state->scale = (float)(1.0 / sum);  // here, where the sum has not yet been rounded to a float
}

PASSLINE_EXPORT(PASSLINE_SYMBOL, NULL);
