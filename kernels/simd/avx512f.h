// SPDX-License-Identifier: Apache-2.0
//
// AVX-512F: 16 floats per vector. The names and their meaning are the same in
// every file of this folder; see kernels/README.md for the list.
#ifndef PASSLINE_SIMD_AVX512F_H
#define PASSLINE_SIMD_AVX512F_H

#ifndef __AVX512F__
#error "simd/avx512f.h needs the cflags of the avx512f row in simd/isa.yaml (-mavx512f)"
#endif

// gcc keeps x86 code in source order until registers are allocated. Ordering it before keeps fewer values
// alive at once: no spills with up to 4 vectors per step, few with 8, and up to 4 % less time.
// With the 16 registers of AVX2 it loses.
#if defined(__GNUC__) && !defined(__clang__) && !defined(VEC_KEEP_ORDER)
#pragma GCC optimize("schedule-insns", "sched-pressure")
#endif

#include <immintrin.h>
#include <stddef.h>

#define SIMD_INLINE static inline __attribute__((always_inline))

enum { LANES = 16 };
// Vectors whose computations are interleaved: what fits 32 registers beside a dozen constants.
#define VEC_GROUP 3
typedef __m512 vec;

SIMD_INLINE vec vec_set1(float value) { return _mm512_set1_ps(value); }
// Not needed with 32 registers.
SIMD_INLINE void vec_hold(vec *v) { (void)v; }

// Memory. A tail is the first `count` lanes, 0 < count < LANES; nothing else is touched.
SIMD_INLINE __mmask16 vec_tail_mask(size_t count) { return (__mmask16)((1u << count) - 1); }
SIMD_INLINE vec vec_load(const float *p) { return _mm512_loadu_ps(p); }
SIMD_INLINE vec vec_load_tail(const float *p, size_t count, vec fill) {
  return _mm512_mask_loadu_ps(fill, vec_tail_mask(count), p);
}
SIMD_INLINE void vec_store(float *p, vec v) { _mm512_storeu_ps(p, v); }
SIMD_INLINE void vec_store_tail(float *p, size_t count, vec v) {
  _mm512_mask_storeu_ps(p, vec_tail_mask(count), v);
}
// Non-temporal: p is a multiple of sizeof(vec). vec_fence orders such stores before later ones.
SIMD_INLINE void vec_stream(float *p, vec v) { _mm512_stream_ps(p, v); }
SIMD_INLINE void vec_fence(void) { _mm_sfence(); }

// Arithmetic.
SIMD_INLINE vec vec_add(vec a, vec b) { return _mm512_add_ps(a, b); }
SIMD_INLINE vec vec_sub(vec a, vec b) { return _mm512_sub_ps(a, b); }
SIMD_INLINE vec vec_mul(vec a, vec b) { return _mm512_mul_ps(a, b); }
SIMD_INLINE vec vec_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }    // a b + c
SIMD_INLINE vec vec_fnma(vec a, vec b, vec c) { return _mm512_fnmadd_ps(a, b, c); }  // c - a b, rounded once
// The larger one; b where either is NaN. So max(low, x) keeps a NaN of x, and max(x, so_far) ignores it.
SIMD_INLINE vec vec_max(vec a, vec b) { return _mm512_max_ps(a, b); }
// The larger of two positive numbers, compared by their bits: cheaper, and a positive NaN is the largest.
SIMD_INLINE vec vec_max_positive(vec a, vec b) {
  return _mm512_castsi512_ps(_mm512_max_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b)));
}
SIMD_INLINE float vec_reduce_add(vec a) { return _mm512_reduce_add_ps(a); }
SIMD_INLINE float vec_reduce_max(vec a) { return _mm512_reduce_max_ps(a); }
// Whether 0 <= a < limit in every lane, for a positive limit; not so where a lane is NaN or less than 0.
// Floats are compared as unsigned integers: all of those have larger bits.
SIMD_INLINE int vec_all_within(vec a, vec limit) {
  return _mm512_cmplt_epu32_mask(_mm512_castps_si512(a), _mm512_castps_si512(limit)) == 0xFFFF;
}
// Whether a > b in any lane; NaN is not.
SIMD_INLINE int vec_any_above(vec a, vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ) != 0; }

// Sums in double precision, one per lane.
typedef struct vec_sums {
  __m512d low, high;
} vec_sums;
SIMD_INLINE vec_sums vec_sums_zero(void) { return (vec_sums){_mm512_setzero_pd(), _mm512_setzero_pd()}; }
SIMD_INLINE void vec_sums_add(vec_sums *sums, vec a) {
  const __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(a), 1));
  sums->low = _mm512_add_pd(sums->low, _mm512_cvtps_pd(_mm512_castps512_ps256(a)));
  sums->high = _mm512_add_pd(sums->high, _mm512_cvtps_pd(high));
}
SIMD_INLINE double vec_sums_total(vec_sums sums) {
  return _mm512_reduce_add_pd(_mm512_add_pd(sums.low, sums.high));
}

// Powers of two. VSCALEFPS multiplies by 2^n for any n, so 2^n is kept as n itself.
// Beware: VSCALEFPS(NaN, -inf) is 0, so n must never be -inf.
//
// An integer n is handed over as the biased n + VEC_POW2_BIAS. The bias lies in the middle of 2^23..2^24,
// where floats are integers: adding it to any number of less than 2^22 rounds to the nearest integer.
typedef __m512 vec_pow2;
#define VEC_POW2_BIAS 0x1.8p23f
// 2^n from this n down counts as 0: times a number below 2, it is less than the smallest denormal.
#define VEC_POW2_ZERO (-160)

// 2^n, for VEC_POW2_ZERO <= n <= 127.
SIMD_INLINE vec_pow2 vec_pow2_of(vec n_biased) { return _mm512_sub_ps(n_biased, vec_set1(VEC_POW2_BIAS)); }
// 2^(n - top) for n <= top, both biased: vec_pow2_below(n, vec_pow2_origin(top)). |n|, |top| <= 4,000,000.
SIMD_INLINE vec vec_pow2_origin(vec top_biased) { return top_biased; }
SIMD_INLINE vec_pow2 vec_pow2_below(vec n_biased, vec origin) { return _mm512_sub_ps(n_biased, origin); }
// The same where n - top is known not to be below VEC_POW2_ZERO.
SIMD_INLINE vec_pow2 vec_pow2_within(vec n_biased, vec origin) { return vec_sub(n_biased, origin); }
SIMD_INLINE vec vec_mul_pow2(vec a, vec_pow2 power) { return _mm512_scalef_ps(a, power); }
SIMD_INLINE vec vec_fma_pow2(vec a, vec_pow2 power, vec c) {
  return _mm512_add_ps(_mm512_scalef_ps(a, power), c);
}

// VSCALEFPS never wraps: a 2^n is 0 or infinite where it is too small or too large for a float.
#define VEC_POW2_SATURATES 1
// 2^floor(r).
SIMD_INLINE vec_pow2 vec_pow2_floor(vec r) { return r; }

// Tables held in registers, of 16 and of 32 floats. The index of a lane is the lowest 4 or 5 bits of n.
typedef struct vec_table16 {
  vec entries;
} vec_table16;
typedef struct vec_table32 {
  vec low, high;
} vec_table32;
SIMD_INLINE vec vec_round_product(const double *p, double factor) {
  const __m256 low = _mm512_cvtpd_ps(_mm512_mul_pd(_mm512_loadu_pd(p), _mm512_set1_pd(factor)));
  const __m256 high = _mm512_cvtpd_ps(_mm512_mul_pd(_mm512_loadu_pd(p + 8), _mm512_set1_pd(factor)));
  return _mm512_castpd_ps(
      _mm512_insertf64x4(_mm512_castps_pd(_mm512_castps256_ps512(low)), _mm256_castps_pd(high), 1));
}
// The products of `factor` and the doubles from p on, each rounded once.
SIMD_INLINE vec_table16 vec_table16_of(const double *p, double factor) {
  return (vec_table16){vec_round_product(p, factor)};
}
SIMD_INLINE vec_table32 vec_table32_of(const double *p, double factor) {
  return (vec_table32){vec_round_product(p, factor), vec_round_product(p + 16, factor)};
}
SIMD_INLINE vec vec_table16_at(vec_table16 table, vec n) {
  return _mm512_permutexvar_ps(_mm512_castps_si512(n), table.entries);
}
SIMD_INLINE vec vec_table32_at(vec_table32 table, vec n) {
  return _mm512_permutex2var_ps(table.low, _mm512_castps_si512(n), table.high);
}

#endif  // PASSLINE_SIMD_AVX512F_H
