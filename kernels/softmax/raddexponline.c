// SPDX-License-Identifier: Apache-2.0
//
// raddexponline: the maximum of x and the sum of exp(x - max), in one pass: online softmax.
//
// Every lane has a reference of its own, near the largest score that it has met, and sums exp(x - reference).
// The reference moves, and the sum is multiplied by exp(old - new), only when a score lies more than HEADROOM
// above it: until then the terms are at most e^HEADROOM = 2^63.5, and 2^64 of them do not overflow.
//
// The running maximum ignores NaN, which makes the sum NaN; +inf becomes a reference, and inf - inf makes NaN
// too.
#include <float.h>
#include <math.h>

// A step can add nothing before it knows its maximum, so it is not split into groups.
#define EXP_GROUP PASSLINE_UNROLL
#include "softmax/exp.h"
#include "softmax/parts.h"

#define HEADROOM 44.0f

typedef struct accumulation {
  vec top;        // the largest score met
  vec reference;  // -FLT_MAX before any is met: -inf is below it
  vec limit;      // reference + HEADROOM
  vec sum[PASSLINE_ACCUMULATORS];
} accumulation;

SIMD_INLINE vec exp_of_difference(vec x, vec reference) {
  const exp_polynomial one = exp_polynomial_of(1.0f);
  vec p[1];
  vec_pow2 power[1];
  exp_below_max(1, &x, reference, &one, p, power);
  return vec_mul_pow2(p[0], power[0]);
}

SIMD_INLINE void move_reference(accumulation *a) {
  const vec reference = vec_max(a->top, a->reference);
  const vec ratio = exp_of_difference(a->reference, reference);
  UNROLL_ALL
  for (int i = 0; i < PASSLINE_ACCUMULATORS; i++) a->sum[i] = vec_mul(a->sum[i], ratio);
  a->reference = reference;
  a->limit = vec_add(reference, vec_set1(HEADROOM));
}

// v[i] goes to accumulator i modulo their number.
SIMD_INLINE void add(int count, const vec v[], const exp_polynomial *polynomial, accumulation *a) {
  vec p[PASSLINE_UNROLL];
  vec_pow2 power[PASSLINE_UNROLL];
  UNROLL_ALL
  for (int i = 0; i < count; i++) a->top = vec_max(v[i], a->top);
  if (__builtin_expect(vec_any_above(a->top, a->limit), 0)) move_reference(a);
  exp_below_max(count, v, a->reference, polynomial, p, power);
  UNROLL_ALL
  for (int i = 0; i < count; i++) {
    vec *sum = &a->sum[i % PASSLINE_ACCUMULATORS];
    *sum = vec_fma_pow2(p[i], power[i], *sum);
  }
}

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  (void)y;
  const exp_polynomial polynomial = exp_polynomial_of(1.0f);
  accumulation a = {vec_set1(-INFINITY), vec_set1(-FLT_MAX), vec_set1(-FLT_MAX), {vec_set1(0.0f)}};
  vec v[PASSLINE_UNROLL];
  UNROLL_ALL
  for (int i = 0; i < PASSLINE_ACCUMULATORS; i++) a.sum[i] = vec_set1(0.0f);

  for (; n >= STEP; n -= STEP, x += STEP) {
    load_all(PASSLINE_UNROLL, x, v);
    add(PASSLINE_UNROLL, v, &polynomial, &a);
  }
  for (; n >= LANES; n -= LANES, x += LANES) {
    load_all(1, x, v);
    add(1, v, &polynomial, &a);
  }
  if (n > 0) {
    v[0] = vec_load_tail(x, n, vec_set1(-INFINITY));  // exp(-inf) adds 0
    add(1, v, &polynomial, &a);
  }

  UNROLL_ALL
  for (int i = 1; i < PASSLINE_ACCUMULATORS; i++) a.sum[0] = vec_add(a.sum[0], a.sum[i]);
  state->max = vec_reduce_max(a.top);
  if (state->max > -INFINITY)
    a.sum[0] = vec_mul(a.sum[0], exp_of_difference(a.reference, vec_set1(state->max)));
  state->sum = vec_reduce_add(a.sum[0]);  // of -inf alone: 0
}

// The pair is for vscaleexpref, which then takes the lowest scores for what they are.
static void finish(passline_state *state) {
  if (!(state->max > -INFINITY)) state->sum = NAN;
  const double log2_max = state->max * 1.44269504088896341;
  state->exponent = (float)rint(log2_max);
  state->mantissa = (float)(state->sum * exp2(log2_max - state->exponent));
  state->rest = 0.0f;
  if (!(fabsf(state->exponent) < 4.0e6f)) state->mantissa = state->exponent = NAN;
  state->clamp = 1.0f;
  state->scale = 1.0f / state->sum;
}

PASSLINE_EXPORT(PASSLINE_SYMBOL, finish, parts_online);
