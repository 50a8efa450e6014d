// SPDX-License-Identifier: Apache-2.0
//
// exp.h: the exponential function of the softmax passes, in two forms.
//
// Both write x = n ln2 + t with an integer n and |t| <= ln2 / 2 (a hair more after rounding); then
//   exp(x) = 2^n exp(t),  and exp(t) is a polynomial p(t) in [0.70, 1.42].
// exp_below_max gives p and the power of two 2^n, which cannot overflow because its argument is a score
// minus the row's maximum. exp_extended gives p and n apart: no score is too large for that, or too small.
//
// NaN passes through both. -inf and very negative scores are raised to one whose power of two is 0.
#ifndef PASSLINE_SOFTMAX_EXP_H
#define PASSLINE_SOFTMAX_EXP_H

#include "pass.h"

#if PASSLINE_DEGREE != 5
#error "PASSLINE_DEGREE must be 5: there are no coefficients for another"
#endif
// Constants in the range reduction, given where the study has it as a dimension. One is enough only for
// exp_below_max: it leaves an error of |n| 2^-29, up to 2^-22 of the result where that is near the least
// float.
#ifndef PASSLINE_RR
#define PASSLINE_RR 2
#elif PASSLINE_RR != 1 && PASSLINE_RR != 2
#error "PASSLINE_RR must be 1 or 2"
#endif

// 0 leaves out what makes -inf and very negative finite scores right: such a variant is for finite scores
// only, and exists to show what that costs.
#ifndef PASSLINE_CLAMP
#define PASSLINE_CLAMP 1
#endif

#define EXP_LN2 0.693147180559945309
#define EXP_LOG2E 0x1.715476p+0f        // 1 / ln2, to the nearest float
#define EXP_LN2_HIGH 0x1.62E430p-1f     // ln2, to the nearest float
#define EXP_LN2_LOW (-0x1.05C610p-29f)  // ln2 - EXP_LN2_HIGH, to the nearest float

// exp(t) = 1 + c1 t + ... + c5 t^5 on |t| <= 1.0006 ln2 / 2, with the least maximum relative error among
// polynomials of float coefficients with the constant term 1: 9.20e-8 = 2^-23.4 before rounding (9.18e-8 with
// real coefficients). Found by weighted least squares reweighted towards the minimax solution (Lawson),
// rounding one coefficient at a time, from c1 on, over its float neighbours and refitting the ones after it.
#define EXP_C1 0x1.FFFFF6p-1f
#define EXP_C2 0x1.FFFDC4p-2f
#define EXP_C3 0x1.555A80p-3f
#define EXP_C4 0x1.573ADAp-5f
#define EXP_C5 0x1.0FA084p-7f

typedef struct exp_polynomial {
  vec c0, c1, c2, c3, c4, c5;
} exp_polynomial;

// The polynomial of scale * exp(t). Scaling the coefficients once saves a multiplication per vector.
SIMD_INLINE exp_polynomial exp_polynomial_of(float scale) {
  return (exp_polynomial){vec_set1(scale),          vec_set1(scale * EXP_C1), vec_set1(scale * EXP_C2),
                          vec_set1(scale * EXP_C3), vec_set1(scale * EXP_C4), vec_set1(scale * EXP_C5)};
}

// Everything below works on `count` vectors, stage by stage: all of them take a stage before any takes the
// next. A vector's stages each wait for the one before, and its neighbours' stages fill the gap. (Vector by
// vector, the processor would have to look further ahead than its schedulers reach: 4 to 18 % slower on
// Zen 4.) A loop step goes through its vectors in groups of EXP_GROUP and a rest: what a group needs fits the
// registers.
#ifndef EXP_GROUP
#define EXP_GROUP VEC_GROUP
#endif
enum { EXP_GROUPS = PASSLINE_UNROLL / EXP_GROUP, EXP_REST = PASSLINE_UNROLL % EXP_GROUP };

SIMD_INLINE void exp_horner(int count, const vec t[], vec coefficient, vec p[]) {
  UNROLL_ALL
  for (int i = 0; i < count; i++) p[i] = vec_fma(t[i], p[i], coefficient);
}

// n = the integer nearest to x / ln2, biased, and p = c(t) with t = x - n ln2.
SIMD_INLINE void exp_reduce(int count, const vec x[], const exp_polynomial *c, vec p[], vec n_biased[]) {
  vec n[EXP_GROUP], t[EXP_GROUP];
  UNROLL_ALL
  for (int i = 0; i < count; i++) n_biased[i] = vec_fma(x[i], vec_set1(EXP_LOG2E), vec_set1(VEC_POW2_BIAS));
  UNROLL_ALL
  for (int i = 0; i < count; i++) n[i] = vec_sub(n_biased[i], vec_set1(VEC_POW2_BIAS));
  UNROLL_ALL
  for (int i = 0; i < count; i++) t[i] = vec_fnma(n[i], vec_set1(EXP_LN2_HIGH), x[i]);
  if (PASSLINE_RR == 2) {
    UNROLL_ALL
    for (int i = 0; i < count; i++) t[i] = vec_fnma(n[i], vec_set1(EXP_LN2_LOW), t[i]);
  }
  UNROLL_ALL
  for (int i = 0; i < count; i++) p[i] = c->c5;
  exp_horner(count, t, c->c4, p);
  exp_horner(count, t, c->c3, p);
  exp_horner(count, t, c->c2, p);
  exp_horner(count, t, c->c1, p);
  exp_horner(count, t, c->c0, p);
}

// max(lowest, x), keeping NaN: makes -inf finite.
SIMD_INLINE void exp_raise(int count, const vec x[], vec lowest, vec raised[]) {
  UNROLL_ALL
  for (int i = 0; i < count; i++) raised[i] = PASSLINE_CLAMP ? vec_max(lowest, x[i]) : x[i];
}

// scale * exp(x - max) = p * power; x - max is at most 0 (and may be up to 88).
SIMD_INLINE void exp_below_max(int count, const vec x[], vec max, const exp_polynomial *c, vec p[],
                               vec_pow2 power[]) {
  vec d[EXP_GROUP], n_biased[EXP_GROUP];
  UNROLL_ALL
  for (int i = 0; i < count; i++) d[i] = vec_sub(x[i], max);
  exp_raise(count, d, vec_set1((float)(VEC_POW2_ZERO * EXP_LN2)), d);
  exp_reduce(count, d, c, p, n_biased);
  UNROLL_ALL
  for (int i = 0; i < count; i++) power[i] = vec_pow2_of(n_biased[i]);
}

// Exponents of exp_extended must lie between +-EXP_EXPONENT_LIMIT, within the reach of vec_pow2_below.
#define EXP_EXPONENT_LIMIT 4.0e6f

// scale * exp(x) = p * 2^n, n an integer and biased. Right for |x| < EXP_EXPONENT_LIMIT ln2, about 2.77
// million; a larger x leaves an n at or above the limit. An x below `lowest` counts as `lowest`, whose n is
// the nearest integer to lowest / ln2.
SIMD_INLINE void exp_extended(int count, const vec x[], vec lowest, const exp_polynomial *c, vec p[],
                              vec n_biased[]) {
  vec raised[EXP_GROUP];
  exp_raise(count, x, lowest, raised);
  exp_reduce(count, raised, c, p, n_biased);
}

#endif  // PASSLINE_SOFTMAX_EXP_H
