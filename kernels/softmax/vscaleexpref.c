// SPDX-License-Identifier: Apache-2.0
//
// vscaleexpref: y = exp(x) / ((state->mantissa + state->rest) * 2^state->exponent).
//
// The reference lies at the sum, so that no weight exceeds 1 by more than rounding, and the quotient goes
// into the constants, in double precision.
#include "softmax/store.h"
#define WEIGHTS_CUBE (PASSLINE_STORE == 0)  // where stores bound the time, one more addition is free
#include "softmax/weights.h"

SIMD_INLINE void transform(weights_mode mode, int count, vec v[], const weights *w) {
  vec d[WEIGHTS_GROUP], p[WEIGHTS_GROUP];
  vec_pow2 power[WEIGHTS_GROUP];
  weights_differences(mode, count, v, w, d);
  weigh(mode, 1, count, v, d, w, p, power);
  UNROLL_ALL
  for (int i = 0; i < count; i++) v[i] = vec_mul_pow2(p[i], power[i]);
}

SIMD_INLINE void group(weights_mode mode, int count, const float *x, float *y, const weights *w) {
  vec v[WEIGHTS_GROUP];
  load_all(count, x, v);
  transform(mode, count, v, w);
  store_row(count, y, v);
}

SIMD_INLINE void part(weights_mode mode, size_t n, const float *x, float *y, const weights *w) {
  vec v = vec_load_tail(x, n, vec_set1(-INFINITY));
  transform(mode, 1, &v, w);
  vec_store_tail(y, n, v);
}

SIMD_INLINE void scale_weights(weights_mode mode, reference r, double factor, size_t n, const float *x,
                               float *y) {
  const weights w = weights_of(mode, r, factor);
  const size_t head = store_head(n, y);
  if (head > 0) {
    part(mode, head, x, y, &w);
    n -= head, x += head, y += head;
  }
  for (; n >= STEP; n -= STEP, x += STEP, y += STEP) {
    UNROLL_ALL
    for (int i = 0; i < WEIGHTS_GROUPS; i++)
      group(mode, WEIGHTS_GROUP, x + i * WEIGHTS_GROUP * LANES, y + i * WEIGHTS_GROUP * LANES, &w);
    group(mode, WEIGHTS_REST, x + WEIGHTS_GROUPS * WEIGHTS_GROUP * LANES,
          y + WEIGHTS_GROUPS * WEIGHTS_GROUP * LANES, &w);
  }
  for (; n >= LANES; n -= LANES, x += LANES, y += LANES) group(mode, 1, x, y, &w);
  if (n > 0) part(mode, n, x, y, &w);
  store_end();
}

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  // With a mantissa in [1, 2) no output of FLT_MIN or more belongs to a weight below it.
  int more = 0;
  const double mantissa = 2.0 * frexp((double)state->mantissa + state->rest, &more);
  const double exponent = state->exponent + (double)(more - 1);
  const reference r = reference_at((float)(exponent * EXP_LN2));
  const double bias = weight_bias(r.centre - middle_below_sum(n));
  const double factor = exp2(reference_log2(r) - exponent) / (mantissa * bias);
  const weights_mode mode = state->clamp != 0.0f ? CAREFUL : reference_mode(r);
  if (isnan(factor))  // NaN times 2^-infinity would be 0 for some scores
    for (size_t i = 0; i < n; i++) y[i] = NAN;
  else if (mode == NEAR)
    scale_weights(NEAR, r, factor, n, x, y);
  else if (mode == FAR)
    scale_weights(FAR, r, factor, n, x, y);
  else
    scale_weights(CAREFUL, r, factor, n, x, y);
}

PASSLINE_EXPORT(PASSLINE_SYMBOL, NULL, NULL);
