// SPDX-License-Identifier: Apache-2.0
//
// scale: y = s x, with s = state->scale.
#include "ceilings/stream.h"

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  const float s = state->scale;
  size_t i = 0;
  for (const size_t head = stream_head(y, n); i < head; i++) {
    y[i] = s * x[i];
    stream_keep_loop();
  }
  for (; n - i >= STEP; i += STEP) {
    UNROLL_ALL
    for (int k = 0; k < PASSLINE_UNROLL; k++)
      stream_store(y + i + k * LANES, vec_mul(vec_set1(s), vec_load(x + i + k * LANES)));
    stream_keep_loop();
  }
  for (; n - i >= LANES; i += LANES) {
    stream_store(y + i, vec_mul(vec_set1(s), vec_load(x + i)));
    stream_keep_loop();
  }
  if (n > i) vec_store_tail(y + i, n - i, vec_mul(vec_set1(s), vec_load_tail(x + i, n - i, vec_set1(0.0f))));
  stream_end();
}

PASSLINE_EXPORT(PASSLINE_SYMBOL, NULL, NULL);
