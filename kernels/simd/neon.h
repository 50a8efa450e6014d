// SPDX-License-Identifier: Apache-2.0
//
// NEON (Advanced SIMD) of AArch64: 4 floats per vector. The names and their meaning are the same in
// every file of this folder; see kernels/README.md for the list.
#ifndef PASSLINE_SIMD_NEON_H
#define PASSLINE_SIMD_NEON_H

#if !defined(__aarch64__) || !defined(__ARM_NEON) || !defined(__AARCH64EL__)
#error "simd/neon.h needs a compiler for little-endian AArch64, where NEON is part of the baseline"
#endif

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>

#define SIMD_INLINE static inline __attribute__((always_inline))

enum { LANES = 4 };
// Vectors whose computations are interleaved: what fits 32 registers beside a dozen constants.
#define VEC_GROUP 4
typedef float32x4_t vec;

SIMD_INLINE vec vec_set1(float value) { return vdupq_n_f32(value); }
// Not needed with 32 registers.
SIMD_INLINE void vec_hold(vec *v) { (void)v; }

// Memory. A tail is the first `count` lanes, 0 < count < LANES; nothing else is touched. There are no masked
// loads and stores: 1, 2 or 3 lanes are a pair, a single one, or both.
SIMD_INLINE vec vec_load(const float *p) { return vld1q_f32(p); }
SIMD_INLINE vec vec_load_tail(const float *p, size_t count, vec fill) {
  if (count == 1) return vld1q_lane_f32(p, fill, 0);
  const vec two = vcombine_f32(vld1_f32(p), vget_high_f32(fill));
  return count == 2 ? two : vld1q_lane_f32(p + 2, two, 2);
}
SIMD_INLINE void vec_store(float *p, vec v) { vst1q_f32(p, v); }
SIMD_INLINE void vec_store_tail(float *p, size_t count, vec v) {
  if (count == 1) {
    vst1q_lane_f32(p, v, 0);
    return;
  }
  vst1_f32(p, vget_low_f32(v));
  if (count == 3) vst1q_lane_f32(p + 2, v, 2);
}
// STNP, which stores a pair of registers, here the halves of v. It is a hint and no more: the line is not
// needed again soon. What follows from it is up to the processor; it may treat it as an ordinary store, and
// it may leave out the fetch of a line for an ordinary one in a long run of them. Such a store is ordered as
// any other, so that whoever publishes y does it with the release that ordinary stores need: no fence.
SIMD_INLINE void vec_stream(float *p, vec v) {
#ifdef __clang__
  __builtin_nontemporal_store(v, (vec *)p);
#else
  // Two operands say what is written. The first, a double, has the offsets that a pair of doubles reaches.
  typedef double __attribute__((may_alias)) half;
  __asm__("stnp %d2, %d3, %0"
          : "=Ump"(*(half *)p), "=m"(*(half *)(p + 2))
          : "w"(vget_low_f32(v)), "w"(vget_high_f32(v)));
#endif
}
SIMD_INLINE void vec_fence(void) {}

// Arithmetic.
SIMD_INLINE vec vec_add(vec a, vec b) { return vaddq_f32(a, b); }
SIMD_INLINE vec vec_sub(vec a, vec b) { return vsubq_f32(a, b); }
SIMD_INLINE vec vec_mul(vec a, vec b) { return vmulq_f32(a, b); }
SIMD_INLINE vec vec_fma(vec a, vec b, vec c) { return vfmaq_f32(c, a, b); }   // a b + c
SIMD_INLINE vec vec_fnma(vec a, vec b, vec c) { return vfmsq_f32(c, a, b); }  // c - a b, rounded once
// The larger one; b where either is NaN. So max(low, x) keeps a NaN of x, and max(x, so_far) ignores it.
// FMAX is NaN where either operand is, and FMAXNM is the other operand: neither will do.
SIMD_INLINE vec vec_max(vec a, vec b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
// The larger of two positive numbers, compared by their bits: cheaper, and a positive NaN is the largest.
SIMD_INLINE vec vec_max_positive(vec a, vec b) {
  return vreinterpretq_f32_s32(vmaxq_s32(vreinterpretq_s32_f32(a), vreinterpretq_s32_f32(b)));
}
SIMD_INLINE float vec_reduce_add(vec a) { return vaddvq_f32(a); }
SIMD_INLINE float vec_reduce_max(vec a) { return vmaxvq_f32(a); }
// Whether 0 <= a < limit in every lane, for a positive limit; not so where a lane is NaN or less than 0.
// Floats are compared as unsigned integers: all of those have larger bits.
SIMD_INLINE int vec_all_within(vec a, vec limit) {
  return vminvq_u32(vcltq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(limit))) != 0;
}
// Whether a > b in any lane; NaN is not.
SIMD_INLINE int vec_any_above(vec a, vec b) { return vmaxvq_u32(vcgtq_f32(a, b)) != 0; }

// Sums in double precision, one per lane.
typedef struct vec_sums {
  float64x2_t low, high;
} vec_sums;
SIMD_INLINE vec_sums vec_sums_zero(void) { return (vec_sums){vdupq_n_f64(0.0), vdupq_n_f64(0.0)}; }
SIMD_INLINE void vec_sums_add(vec_sums *sums, vec a) {
  sums->low = vaddq_f64(sums->low, vcvt_f64_f32(vget_low_f32(a)));
  sums->high = vaddq_f64(sums->high, vcvt_high_f64_f32(a));
}
SIMD_INLINE double vec_sums_total(vec_sums sums) { return vaddvq_f64(vaddq_f64(sums.low, sums.high)); }

// Powers of two. There is no instruction that multiplies by 2^n, so 2^n is built from its bits: these, moved
// to the place of an exponent.
SIMD_INLINE vec vec_to_exponent(vec a) {
  return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(a), 23));
}
#include "simd/pow2_bits.h"

// 2^n of a multiple of 1/8, n = m + j / 8 with j in 0..7, handed over as the biased n + VEC_POW2_BIAS8, by
// its bits: n shifted into place is 2^m (1 + j / 8), and a table held in registers, looked up by the low bits
// of n, holds the bits of 2^(j/8), to the nearest float, less those of 1 + j / 8. For -127 <= n < 128; 0 for
// n = -127, and at most FLT_MIN up to n = -126.
//
// TBL looks up single bytes, 32 of them in two registers: entry j is the bytes 4 j, 4 j + 1, 4 j + 2 and
// 4 j + 3. To make those of j takes more instructions than the shorter polynomial saves.
#define VEC_POW2_BIAS8 0x1.8007F0p20f
typedef uint8x16x2_t vec_table8;
SIMD_INLINE vec_table8 vec_table8_of_pow2(void) {
  static const int32_t entries[8] = {0, -289342, -509968, -655657, -719629, -694486, -572163, -343865};
  return (vec_table8){
      {vreinterpretq_u8_s32(vld1q_s32(entries)), vreinterpretq_u8_s32(vld1q_s32(entries + 4))}};
}
SIMD_INLINE vec_pow2 vec_pow2_of_eighths(vec_table8 table, vec n_biased) {
  const uint32x4_t n = vreinterpretq_u32_f32(n_biased);
  const uint32x4_t j = vandq_u32(n, vdupq_n_u32(7));
  const uint32x4_t bytes = vmlaq_u32(vdupq_n_u32(0x03020100), j, vdupq_n_u32(0x04040404));
  const uint32x4_t entry = vreinterpretq_u32_u8(vqtbl2q_u8(table, vreinterpretq_u8_u32(bytes)));
  return vreinterpretq_f32_u32(vaddq_u32(entry, vshlq_n_u32(n, 20)));
}

#endif  // PASSLINE_SIMD_NEON_H
