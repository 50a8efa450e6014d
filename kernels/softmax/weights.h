// SPDX-License-Identifier: Apache-2.0
//
// weights.h: exp(x) over a reference that is chosen before the scores are known.
//
// The weight of a score is factor * exp(x - shift) * 2^-exponent, where the reference (shift, exponent) lies
// near the row's largest score. Its logarithm to base 2 is shift / ln2 + exponent. Most references are powers
// of two: the shift is 0, and dividing by one costs nothing, because it goes into constants.
//
// Let G be 1 with the polynomial of degree 5, else the entries of the table (PASSLINE_TABLE). Then
//   x / ln2 = g + t / ln2 with g the nearest multiple of 1 / G, |t| <= ln2 / (2 G), and
//   exp(x) = 2^floor(g) 2^(g - floor(g)) exp(t),
// the second factor from a table in registers, the last a polynomial: the larger the table, the lower its
// degree. g comes out of one multiply-add, as the float n = x / ln2 + 1.5 2^23 / G: there floats are
// multiples of 1 / G, and the low bits of n are those of g G, which index the table. As ln2 is one float
// here, 2^g exp(t) is too small by g 2^-29 of itself. What of g the reference already has, all weights of a
// row share, so that it cancels in the softmax; reference_bias tells it where one sum meets another. What is
// left grows with the distance from the reference, to 2^-22 of an output near the least float.
//
// Polynomials are scaled so that one coefficient is 1 and costs nothing; the table pays for it. With the
// largest relative error beside each:
//    8: exp(t) = c (((t + a) t + b) t + b)        2.2e-8
//   16: exp(t) = c (v^3 + k1 v + k0),  v = t + h  2.4e-9
//       exp(t) = c (((t + a) t + b) t + b)        1.3e-9
//   32: exp(t) = c (t (t + h2) + k)               5.8e-8
//       exp(t) = c (v^2 + k),          v = t + h  5.8e-8
// A cubic loses its square, and a square its linear term, with an h near 1. Where h is a multiple of ln2 / G,
// v costs no more than t: it is what g less the multiple leaves. For the cubic 23/16 ln2 is near enough. For
// the square h = 1.00002 must be met to 1e-4; what 46/32 ln2 lacks of it can hide in a shift, where there is
// one. As v lies near 1, where t lies near 0, its rounding counts: a completed polynomial saves an addition
// and costs up to 1.4 ULP. They are minimax on 1.03 times the interval, found by weighted least squares
// reweighted towards it (Lawson), and then by search over the floats next to the coefficients, the scale c
// left free.
#ifndef PASSLINE_SOFTMAX_WEIGHTS_H
#define PASSLINE_SOFTMAX_WEIGHTS_H

// gcc orders x86 code only after registers are allocated. Here it pays before, on AVX2 too: the constants and
// the running values of a loop nearly fill 16 registers.
#if defined(__GNUC__) && !defined(__clang__) && !defined(VEC_KEEP_ORDER)
#pragma GCC optimize("schedule-insns", "sched-pressure")
#endif

#include <math.h>
#include <string.h>

#ifndef PASSLINE_TABLE
#define PASSLINE_TABLE 0
#endif
#ifndef WEIGHTS_CUBE
#define WEIGHTS_CUBE 1  // with 16 entries: whether the cube is completed
#endif
#if PASSLINE_TABLE == 0
#include "softmax/exp.h"
#else
#include "pass.h"
#define EXP_LN2 0.693147180559945309
#define EXP_LOG2E 0x1.715476p+0f     // 1 / ln2, to the nearest float
#define EXP_LN2_HIGH 0x1.62E430p-1f  // ln2, to the nearest float
#endif
#define WEIGHTS_LOG2E 1.44269504088896341

// How a score becomes a weight.
typedef enum weights_mode {
  NEAR,    // the shift is 0
  FAR,     // it is not
  CAREFUL  // either; no score is too low. The other two may give NaN or infinity for one below -2^48, but not
           // for -infinity. Without a saturating 2^n all modes are careful, as a low score could wrap.
} weights_mode;

#include "softmax/weights_table.h"

typedef struct reference {
  float shift, exponent;  // the exponent is an integer
  float away;             // the multiple of 1 / G that stands for the shift in n, where the mode is FAR
  float centre;           // log2 of the weight, over the shift alone, of the score that it was chosen for
} reference;

// |shift| up to which floats are fine enough for FAR.
#define WEIGHTS_FAR_LIMIT 60000.0f
// Largest exponent that can go into the constants, |exponent| <= 2^7 with room for factors.
#define WEIGHTS_FOLD_LIMIT 120.0f
// 32 ln2. From 0 up to it the row needs no reference at all, and a score 2^64 above 1 is 2^32 above it.
#define WEIGHTS_PLAIN_LIMIT 22.0f

// The factor that sums and stored weights are given, see weights_table.h.
SIMD_INLINE double reference_unit(reference r) { return (void)r, WEIGHTS_UNIT(r.shift != 0.0f); }

// What a weight of 2^log2 over the shift alone is too large by because ln2 is one float, see above: an
// exponential of at most 2e-4, of which two terms are enough.
SIMD_INLINE double weight_bias(double log2) {
  const double z = log2 * (EXP_LN2 - (double)EXP_LN2_HIGH);
  return 1.0 + z * (1.0 + 0.5 * z);
}
SIMD_INLINE double reference_bias(reference r) { return weight_bias(r.centre); }

// Outputs are too large by 2^-29 of themselves for each power of two that they lie below the sum. Where those
// this far below it are made right, the others are off by half as much: nearly all outputs of normally
// distributed scores lie within twice 30 powers, and the mean output is 1 / n.
SIMD_INLINE double middle_below_sum(size_t n) {
  const double log2_n = 63 - __builtin_clzll(n);
  return log2_n < 20.0 ? 1.5 * log2_n : 30.0;
}

SIMD_INLINE double reference_log2(reference r) { return r.shift * WEIGHTS_LOG2E + r.exponent; }

SIMD_INLINE weights_mode reference_mode(reference r) {
  if (r.shift == 0.0f) return NEAR;
  return VEC_POW2_SATURATES && fabsf(r.shift) <= WEIGHTS_FAR_LIMIT ? FAR : CAREFUL;
}

// The integer nearest to score / ln2, for less than 2^22, by the bias of the floats from 2^23 on: everything
// waits for it.
SIMD_INLINE float nearest_log2(float score) { return score * EXP_LOG2E + 0x1.8p23f - 0x1.8p23f; }

// The reference for a row whose largest score is about `top`.
//
// With the shift c, the difference x - c is exact for all scores that count, top - 88 and more, where these
// are at least c / 2 apart from 0 on the side of c: hence c = 2 (top - 88) for 90 < top < 176. As to its last
// bits, c is a multiple of 2^-16, as is every difference that would not fit a float otherwise.
//
// Plain rows take a branch where arithmetic would do: it is predicted, so that the row is begun before its
// sample is known.
SIMD_INLINE reference reference_at(float top) {
#if VEC_POW2_SATURATES
  if (0.0f <= top && top <= WEIGHTS_PLAIN_LIMIT) {
    __asm__ volatile("");  // or compilers make arithmetic of it
    return (reference){.centre = nearest_log2(top)};
  }
  double c = top > 176.0f ? top : top > 90.0f ? 2.0 * (top - 88.0) : top < -83.0f ? top : 0.0;
  double away = 0.0;
  if (c != 0.0 && fabs(c) <= WEIGHTS_FAR_LIMIT) {
    away = rint((c + WEIGHTS_HIDDEN) * (WEIGHTS_GRID / EXP_LN2)) * (1.0 / WEIGHTS_GRID);
    c = rint((away * EXP_LN2 - WEIGHTS_HIDDEN) * 0x1p16) * 0x1p-16;
  }
  const float shift = (float)c;
  const float log2 = nearest_log2(top - shift);
  const float exponent = log2 > WEIGHTS_FOLD_LIMIT ? WEIGHTS_FOLD_LIMIT : log2;
  return (reference){shift, exponent, (float)away, exponent};
#else
  if (fabsf(top) > WEIGHTS_FAR_LIMIT) return (reference){.shift = top};
  const float exponent = nearest_log2(top);
  return (reference){.exponent = exponent, .centre = exponent};
#endif
}

typedef struct weights {
  vec shift;
  vec lowest;   // the score, less the shift, from which on the weight is 0
  vec to_grid;  // what makes n of x / ln2
  vec origin;   // what is taken from n again; to_grid without a saturating 2^n
  vec limit;    // scores up to it, less the shift, have weights of at most 2^64
  weights_constants constants;
} weights;

#if VEC_POW2_SATURATES
// Constants times 2^-exponent. They are made without it, as they are then ready before it is.
SIMD_INLINE weights_constants weights_constants_over(weights_constants constants, float exponent) {
  enum { COUNT = sizeof constants / sizeof(vec) };
  const vec_pow2 power = vec_pow2_of(vec_set1(VEC_POW2_BIAS - exponent));
  vec each[COUNT];
  memcpy(each, &constants, sizeof each);
  UNROLL_ALL
  for (int i = 0; i < COUNT; i++) each[i] = vec_mul_pow2(each[i], power);
  memcpy(&constants, each, sizeof each);
  return constants;
}
#endif

SIMD_INLINE weights weights_of(weights_mode mode, reference r, double factor) {
  const double log2_lowest = (double)r.exponent + VEC_POW2_ZERO;
  weights w = {.shift = vec_set1(r.shift), .lowest = vec_set1((float)(log2_lowest * EXP_LN2))};
#if VEC_POW2_SATURATES
  w.to_grid = vec_set1(mode == FAR ? WEIGHTS_BIAS - r.away : WEIGHTS_BIAS);
  w.origin = vec_set1(WEIGHTS_BIAS + weights_offset(mode));
  w.constants = weights_constants_over(weights_constants_of(mode, factor), r.exponent);
#else
  w.to_grid = vec_set1(WEIGHTS_BIAS - r.exponent);
  w.limit = vec_set1((float)(((double)r.exponent + 64.0) * EXP_LN2));
  w.constants = weights_constants_of(mode, factor);
#endif
  return w;
}

// Everything below works on `count` vectors, stage by stage, as in exp.h: groups of WEIGHTS_GROUP and a rest.
#define WEIGHTS_GROUP (PASSLINE_UNROLL < 4 ? PASSLINE_UNROLL : 4)
enum { WEIGHTS_GROUPS = PASSLINE_UNROLL / WEIGHTS_GROUP, WEIGHTS_REST = PASSLINE_UNROLL % WEIGHTS_GROUP };

// The scores less the shift, raised where they must be.
SIMD_INLINE void weights_differences(weights_mode mode, int count, const vec x[], const weights *w, vec d[]) {
  UNROLL_ALL
  for (int i = 0; i < count; i++) {
    d[i] = mode == NEAR ? x[i] : vec_sub(x[i], w->shift);
    if (mode == CAREFUL || !VEC_POW2_SATURATES) d[i] = vec_max(w->lowest, d[i]);
  }
}

// Stages of a weight p * power, of scores x and their differences d: what is split off, on the grid and as a
// number, and what is left for the polynomial.
SIMD_INLINE void weights_grid(weights_mode mode, int count, const vec x[], const vec d[], const weights *w,
                              vec n[]) {
  UNROLL_ALL
  for (int i = 0; i < count; i++) n[i] = vec_fma(mode == FAR ? x[i] : d[i], vec_set1(EXP_LOG2E), w->to_grid);
}
SIMD_INLINE void weights_split(int count, const vec n[], const weights *w, vec r[]) {
  UNROLL_ALL
  for (int i = 0; i < count; i++) r[i] = vec_sub(n[i], VEC_POW2_SATURATES ? w->origin : w->to_grid);
}
SIMD_INLINE void weights_left(int count, const vec r[], const vec d[], vec t[]) {
  UNROLL_ALL
  for (int i = 0; i < count; i++) t[i] = vec_fnma(r[i], vec_set1(EXP_LN2_HIGH), d[i]);
}
SIMD_INLINE void weights_powers(int count, const vec n[], const vec r[], const weights *w, vec_pow2 power[]) {
  UNROLL_ALL
  for (int i = 0; i < count; i++) power[i] = weights_power(n[i], r[i], &w->constants);
}

// All stages. Not `scaled`, the factor is the unit of the reference.
SIMD_INLINE void weigh(weights_mode mode, int scaled, int count, const vec x[], const vec d[],
                       const weights *w, vec p[], vec_pow2 power[]) {
  vec n[WEIGHTS_GROUP], r[WEIGHTS_GROUP], t[WEIGHTS_GROUP];
  weights_grid(mode, count, x, d, w, n);
  weights_split(count, n, w, r);
  weights_left(count, r, d, t);
  weights_begin(mode, scaled, count, t, &w->constants, p);
  weights_end(mode, scaled, count, t, &w->constants, p);
  weights_from_table(count, n, &w->constants, p);
  weights_powers(count, n, r, w, power);
}

#endif  // PASSLINE_SOFTMAX_WEIGHTS_H
