// SPDX-License-Identifier: Apache-2.0
//
// Baseline C: a vector of one float, no fused multiply-add, no instruction that only some
// processors have. The names and their meaning are the same in every file of this folder;
// see kernels/README.md for the list.
#ifndef PASSLINE_SIMD_SCALAR_H
#define PASSLINE_SIMD_SCALAR_H

#include <float.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#if defined(__FAST_MATH__) || FLT_EVAL_METHOD != 0
#error "simd/scalar.h needs floats that are rounded as written: no -ffast-math, no x87"
#endif

#define SIMD_INLINE static inline __attribute__((always_inline))

enum { LANES = 1 };
// Vectors whose computations are interleaved: what fits at least 16 registers beside a dozen constants.
#define VEC_GROUP 2
typedef float vec;

SIMD_INLINE vec vec_set1(float value) { return value; }
// Not needed: a step of few floats.
SIMD_INLINE void vec_hold(vec *v) { (void)v; }
SIMD_INLINE vec vec_from_bits(uint32_t bits) {
  vec v;
  memcpy(&v, &bits, sizeof v);
  return v;
}
SIMD_INLINE uint32_t vec_to_bits(vec v) {
  uint32_t bits;
  memcpy(&bits, &v, sizeof bits);
  return bits;
}

// Memory. With one lane there is no tail; the two functions exist so that a pass can name them.
SIMD_INLINE vec vec_load(const float *p) { return *p; }
SIMD_INLINE vec vec_load_tail(const float *p, size_t count, vec fill) { return count > 0 ? *p : fill; }
SIMD_INLINE void vec_store(float *p, vec v) { *p = v; }
SIMD_INLINE void vec_store_tail(float *p, size_t count, vec v) {
  if (count > 0) *p = v;
}
// Non-temporal where the baseline has such a store (MOVNTI on x86), else an ordinary one.
// vec_fence orders such stores before later ones.
#ifdef __SSE2__
SIMD_INLINE void vec_stream(float *p, vec v) { _mm_stream_si32((int *)p, (int)vec_to_bits(v)); }
SIMD_INLINE void vec_fence(void) { _mm_sfence(); }
#else
SIMD_INLINE void vec_stream(float *p, vec v) { *p = v; }
SIMD_INLINE void vec_fence(void) {}
#endif

// Arithmetic.
SIMD_INLINE vec vec_add(vec a, vec b) { return a + b; }
SIMD_INLINE vec vec_sub(vec a, vec b) { return a - b; }
SIMD_INLINE vec vec_mul(vec a, vec b) { return a * b; }
SIMD_INLINE vec vec_fma(vec a, vec b, vec c) { return a * b + c; }  // rounded twice, not fused
// c - a b, rounded once in all but rare cases: the product of two floats is exact in double.
// The range reduction of exp cancels most of c, so that it cannot do with less.
SIMD_INLINE vec vec_fnma(vec a, vec b, vec c) { return (vec)((double)c - (double)a * (double)b); }
// The larger one; b where either is NaN. So max(low, x) keeps a NaN of x, and max(x, so_far) ignores it.
SIMD_INLINE vec vec_max(vec a, vec b) { return a > b ? a : b; }
// The larger of two positive numbers, compared by their bits: a positive NaN is the largest.
SIMD_INLINE vec vec_max_positive(vec a, vec b) {
  return (int32_t)vec_to_bits(a) > (int32_t)vec_to_bits(b) ? a : b;
}
SIMD_INLINE float vec_reduce_add(vec a) { return a; }
SIMD_INLINE float vec_reduce_max(vec a) { return a; }
// Whether 0 <= a < limit; not so where a is NaN.
SIMD_INLINE int vec_all_within(vec a, vec limit) { return a >= 0.0f && a < limit; }
// Whether a > b; NaN is not.
SIMD_INLINE int vec_any_above(vec a, vec b) { return a > b; }

// Sums in double precision.
typedef double vec_sums;
SIMD_INLINE vec_sums vec_sums_zero(void) { return 0.0; }
SIMD_INLINE void vec_sums_add(vec_sums *sums, vec a) { *sums += (double)a; }
SIMD_INLINE double vec_sums_total(vec_sums sums) { return sums; }

// Powers of two. There is no instruction that multiplies by 2^n, so 2^n is built from its bits: these, moved
// to the place of an exponent.
SIMD_INLINE vec vec_to_exponent(vec a) { return vec_from_bits(vec_to_bits(a) << 23); }
#include "simd/pow2_bits.h"

#endif  // PASSLINE_SIMD_SCALAR_H
