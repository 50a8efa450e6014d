// SPDX-License-Identifier: Apache-2.0
//
// AVX2 and FMA: 8 floats per vector. The names and their meaning are the same in
// every file of this folder; see kernels/README.md for the list.
#ifndef PASSLINE_SIMD_AVX2_H
#define PASSLINE_SIMD_AVX2_H

#if !defined(__AVX2__) || !defined(__FMA__)
#error "simd/avx2.h needs the cflags of the avx2 row in simd/isa.yaml (-mavx2 -mfma)"
#endif

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define SIMD_INLINE static inline __attribute__((always_inline))

enum { LANES = 8 };
// Vectors whose computations are interleaved: what fits 16 registers beside a dozen constants.
#define VEC_GROUP 4
typedef __m256 vec;

SIMD_INLINE vec vec_set1(float value) { return _mm256_set1_ps(value); }
// Holds v in a register from here to where it is held again: of what a loop needs, gcc likes to spill what
// changes, and what the loop waits for. No instruction.
SIMD_INLINE void vec_hold(vec *v) { __asm__("" : "+x"(*v)); }

// Memory. A tail is the first `count` lanes, 0 < count < LANES; nothing else is touched.
SIMD_INLINE __m256i vec_tail_mask(size_t count) {
  static const int32_t ones_then_zeros[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  return _mm256_loadu_si256((const __m256i *)(ones_then_zeros + 8 - count));
}
SIMD_INLINE vec vec_load(const float *p) { return _mm256_loadu_ps(p); }
SIMD_INLINE vec vec_load_tail(const float *p, size_t count, vec fill) {
  const __m256i mask = vec_tail_mask(count);
  return _mm256_blendv_ps(fill, _mm256_maskload_ps(p, mask), _mm256_castsi256_ps(mask));
}
SIMD_INLINE void vec_store(float *p, vec v) { _mm256_storeu_ps(p, v); }
SIMD_INLINE void vec_store_tail(float *p, size_t count, vec v) {
  _mm256_maskstore_ps(p, vec_tail_mask(count), v);
}
// Non-temporal: p is a multiple of sizeof(vec). vec_fence orders such stores before later ones.
SIMD_INLINE void vec_stream(float *p, vec v) { _mm256_stream_ps(p, v); }
SIMD_INLINE void vec_fence(void) { _mm_sfence(); }

// Arithmetic.
SIMD_INLINE vec vec_add(vec a, vec b) { return _mm256_add_ps(a, b); }
SIMD_INLINE vec vec_sub(vec a, vec b) { return _mm256_sub_ps(a, b); }
SIMD_INLINE vec vec_mul(vec a, vec b) { return _mm256_mul_ps(a, b); }
SIMD_INLINE vec vec_fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }    // a b + c
SIMD_INLINE vec vec_fnma(vec a, vec b, vec c) { return _mm256_fnmadd_ps(a, b, c); }  // c - a b, rounded once
// The larger one; b where either is NaN. So max(low, x) keeps a NaN of x, and max(x, so_far) ignores it.
SIMD_INLINE vec vec_max(vec a, vec b) { return _mm256_max_ps(a, b); }
// The larger of two positive numbers, compared by their bits: cheaper, and a positive NaN is the largest.
SIMD_INLINE vec vec_max_positive(vec a, vec b) {
  return _mm256_castsi256_ps(_mm256_max_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b)));
}
SIMD_INLINE float vec_reduce_add(vec a) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
SIMD_INLINE float vec_reduce_max(vec a) {
  __m128 m = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  m = _mm_max_ps(m, _mm_movehl_ps(m, m));
  return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}
// Whether 0 <= a < limit in every lane, for a positive limit; not so where a lane is NaN or less than 0.
SIMD_INLINE int vec_all_within(vec a, vec limit) {
  const __m256 within =
      _mm256_and_ps(_mm256_cmp_ps(a, limit, _CMP_LT_OQ), _mm256_cmp_ps(a, _mm256_setzero_ps(), _CMP_GE_OQ));
  return _mm256_movemask_ps(within) == 0xFF;
}
// Whether a > b in any lane; NaN is not.
SIMD_INLINE int vec_any_above(vec a, vec b) {
  return _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ)) != 0;
}

// Sums in double precision, one per lane.
typedef struct vec_sums {
  __m256d low, high;
} vec_sums;
SIMD_INLINE vec_sums vec_sums_zero(void) { return (vec_sums){_mm256_setzero_pd(), _mm256_setzero_pd()}; }
SIMD_INLINE void vec_sums_add(vec_sums *sums, vec a) {
  sums->low = _mm256_add_pd(sums->low, _mm256_cvtps_pd(_mm256_castps256_ps128(a)));
  sums->high = _mm256_add_pd(sums->high, _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1)));
}
SIMD_INLINE double vec_sums_total(vec_sums sums) {
  const __m256d all = _mm256_add_pd(sums.low, sums.high);
  const __m128d half = _mm_add_pd(_mm256_castpd256_pd128(all), _mm256_extractf128_pd(all, 1));
  return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
}

// Powers of two. There is no instruction that multiplies by 2^n, so 2^n is built from its bits: these, moved
// to the place of an exponent.
SIMD_INLINE vec vec_to_exponent(vec a) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(a), 23));
}
#include "simd/pow2_bits.h"

// 2^n of a multiple of 1/8, n = m + j / 8 with j in 0..7, handed over as the biased n + VEC_POW2_BIAS8, by
// its bits: n shifted into place is 2^m (1 + j / 8), and a table held in a register, looked up by the low
// bits of n, holds the bits of 2^(j/8), to the nearest float, less those of 1 + j / 8. For -127 <= n < 128; 0
// for n = -127, and at most FLT_MIN up to n = -126.
#define VEC_POW2_BIAS8 0x1.8007F0p20f
typedef __m256i vec_table8;
SIMD_INLINE vec_table8 vec_table8_of_pow2(void) {
  return _mm256_setr_epi32(0, -289342, -509968, -655657, -719629, -694486, -572163, -343865);
}
SIMD_INLINE vec_pow2 vec_pow2_of_eighths(vec_table8 table, vec n_biased) {
  const __m256i n = _mm256_castps_si256(n_biased);
  return _mm256_castsi256_ps(
      _mm256_add_epi32(_mm256_permutevar8x32_epi32(table, n), _mm256_slli_epi32(n, 20)));
}

#endif  // PASSLINE_SIMD_AVX2_H
