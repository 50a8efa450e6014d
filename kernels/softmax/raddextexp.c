// SPDX-License-Identifier: Apache-2.0
//
// raddextexp: the sum of exp(x) as a pair, state->mantissa * 2^state->exponent.
//
// Terms are pairs (p, n) worth p 2^n. Pairs are added by scaling both to the larger exponent:
//   (m, k) + (p, n) = (m 2^(k - top) + p 2^(n - top), top),  top = max(k, n).
// All powers are at most 1, so nothing overflows. Each lane of each accumulator is a pair of its own,
// and a step takes one top over all terms of an accumulator: it is rescaled once per step.
//
// NaN makes p NaN, hence the mantissa, whatever becomes of its exponent. +inf ends as the exponent, which
// finish() refuses. -inf counts as a score far below all others (exp_extended).
#include <math.h>

// A step can add nothing before it knows all its exponents, so it is not split into groups.
#define EXP_GROUP PASSLINE_UNROLL
#include "softmax/exp.h"
#include "softmax/parts.h"

// A score that vanishes beside every sum inside the domain.
#define LOWEST ((float)(-EXP_EXPONENT_LIMIT * EXP_LN2))

typedef struct pair {
  vec mantissa, exponent;  // the exponent is biased
} pair;

// v[i] goes to accumulator i modulo their number.
SIMD_INLINE void add(int count, const vec v[], const exp_polynomial *polynomial,
                     pair sum[PASSLINE_ACCUMULATORS]) {
  vec p[PASSLINE_UNROLL], n_biased[PASSLINE_UNROLL];
  exp_extended(count, v, vec_set1(LOWEST), polynomial, p, n_biased);
  UNROLL_ALL
  for (int a = 0; a < PASSLINE_ACCUMULATORS && a < count; a++) {
    vec top = sum[a].exponent;
    UNROLL_ALL
    for (int i = a; i < count; i += PASSLINE_ACCUMULATORS) top = vec_max_positive(n_biased[i], top);
    const vec origin = vec_pow2_origin(top);
    vec mantissa = vec_mul_pow2(sum[a].mantissa, vec_pow2_below(sum[a].exponent, origin));
    UNROLL_ALL
    for (int i = a; i < count; i += PASSLINE_ACCUMULATORS)
      mantissa = vec_fma_pow2(p[i], vec_pow2_below(n_biased[i], origin), mantissa);
    sum[a] = (pair){mantissa, top};
  }
}

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  (void)y;
  const exp_polynomial polynomial = exp_polynomial_of(1.0f);
  vec v[PASSLINE_UNROLL];
  pair sum[PASSLINE_ACCUMULATORS];
  UNROLL_ALL
  for (int a = 0; a < PASSLINE_ACCUMULATORS; a++)
    sum[a] = (pair){vec_set1(0.0f), vec_set1(VEC_POW2_BIAS - EXP_EXPONENT_LIMIT)};

  for (; n >= STEP; n -= STEP, x += STEP) {
    load_all(PASSLINE_UNROLL, x, v);
    add(PASSLINE_UNROLL, v, &polynomial, sum);
  }
  for (; n >= LANES; n -= LANES, x += LANES) {
    load_all(1, x, v);
    add(1, v, &polynomial, sum);
  }
  if (n > 0) {
    v[0] = vec_load_tail(x, n, vec_set1(LOWEST));
    add(1, v, &polynomial, sum);
  }

  // Accumulators, then lanes, by the same rule.
  vec top = sum[0].exponent;
  UNROLL_ALL
  for (int a = 1; a < PASSLINE_ACCUMULATORS; a++) top = vec_max_positive(sum[a].exponent, top);
  const float row_top = vec_reduce_max(top);
  const vec origin = vec_pow2_origin(vec_set1(row_top));
  vec mantissa = vec_set1(0.0f);
  UNROLL_ALL
  for (int a = 0; a < PASSLINE_ACCUMULATORS; a++)
    mantissa = vec_fma_pow2(sum[a].mantissa, vec_pow2_below(sum[a].exponent, origin), mantissa);
  state->mantissa = vec_reduce_add(mantissa);
  state->rest = 0.0f;
  state->exponent = row_top - VEC_POW2_BIAS;
}

// Outside the domain no answer but NaN is right: +inf, and scores above the domain, leave an exponent beyond
// the limit; a row of -inf alone, and scores below the domain, leave one near the lower limit (256 above it,
// a score that was raised to the limit has vanished beside the sum).
static void finish(passline_state *state) {
  const float lowest = -EXP_EXPONENT_LIMIT + 256.0f;
  const int inside = state->exponent > lowest && state->exponent < EXP_EXPONENT_LIMIT;
  if (!inside || isnan(state->mantissa)) state->mantissa = state->exponent = NAN;
  state->scale = 1.0f / state->mantissa;
}

PASSLINE_EXPORT(PASSLINE_SYMBOL, finish, parts_pair);
