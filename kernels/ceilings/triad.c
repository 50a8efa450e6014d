// SPDX-License-Identifier: Apache-2.0
//
// triad: y = x + s z, with s = state->scale and z = state->scratch.
#include "ceilings/stream.h"

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  const float s = state->scale;
  const float *z = state->scratch;
  size_t i = 0;
  for (const size_t head = stream_head(y, n); i < head; i++) {
    y[i] = x[i] + s * z[i];
    stream_keep_loop();
  }
  for (; n - i >= STEP; i += STEP) {
    UNROLL_ALL
    for (int k = 0; k < PASSLINE_UNROLL; k++)
      stream_store(y + i + k * LANES,
                   vec_fma(vec_set1(s), vec_load(z + i + k * LANES), vec_load(x + i + k * LANES)));
    stream_keep_loop();
  }
  for (; n - i >= LANES; i += LANES) {
    stream_store(y + i, vec_fma(vec_set1(s), vec_load(z + i), vec_load(x + i)));
    stream_keep_loop();
  }
  if (n > i)
    vec_store_tail(y + i, n - i,
                   vec_fma(vec_set1(s), vec_load_tail(z + i, n - i, vec_set1(0.0f)),
                           vec_load_tail(x + i, n - i, vec_set1(0.0f))));
  stream_end();
}

PASSLINE_EXPORT(PASSLINE_SYMBOL, NULL, NULL);
