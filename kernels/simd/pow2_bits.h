// SPDX-License-Identifier: Apache-2.0
//
// 2^n from its bits, for instruction sets that have no operation for it. A header includes this after its
// arithmetic and vec_to_exponent, which shifts the bits of each lane left by 23, to the place of an exponent.
#ifndef PASSLINE_SIMD_POW2_BITS_H
#define PASSLINE_SIMD_POW2_BITS_H

// An integer n is handed over as the biased n + VEC_POW2_BIAS. The bias, 1.5 2^23 + 127, lies in the middle
// of 2^23..2^24, where floats are integers: adding it to any number of less than 2^22 - 127 rounds to the
// nearest integer n, and leaves n + 127 in the low bits of the sum. A shift by 23 moves it to the exponent's
// place: for n in -126..127 the bits of 2^n, and for n = -127 those of 0.
typedef vec vec_pow2;
#define VEC_POW2_BIAS 0x1.8000FEp23f
// 2^n is 0 from this n down.
#define VEC_POW2_ZERO (-127)

// 2^n, for VEC_POW2_ZERO <= n <= 127.
SIMD_INLINE vec_pow2 vec_pow2_of(vec n_biased) { return vec_to_exponent(n_biased); }
// 2^(n - top) for n <= top, both biased: vec_pow2_below(n, vec_pow2_origin(top)). |n|, |top| <= 4,000,000.
// Without its bias, top leaves the difference biased; all of it is exact, and the difference is positive.
SIMD_INLINE vec vec_pow2_origin(vec top_biased) { return vec_sub(top_biased, vec_set1(VEC_POW2_BIAS)); }
SIMD_INLINE vec_pow2 vec_pow2_below(vec n_biased, vec origin) {
  return vec_pow2_of(vec_max_positive(vec_sub(n_biased, origin), vec_set1(VEC_POW2_BIAS + VEC_POW2_ZERO)));
}
// The same where n - top is known not to be below VEC_POW2_ZERO.
SIMD_INLINE vec_pow2 vec_pow2_within(vec n_biased, vec origin) {
  return vec_pow2_of(vec_sub(n_biased, origin));
}
SIMD_INLINE vec vec_mul_pow2(vec a, vec_pow2 power) { return vec_mul(a, power); }
SIMD_INLINE vec vec_fma_pow2(vec a, vec_pow2 power, vec c) { return vec_fma(a, power, c); }

// 2^n wraps where n is too small or too large: callers keep it in range.
#define VEC_POW2_SATURATES 0

#endif  // PASSLINE_SIMD_POW2_BITS_H
