// SPDX-License-Identifier: Apache-2.0
//
// weights_table.h: the grids, tables and polynomials of weights.h, which explains them.
#ifndef PASSLINE_SOFTMAX_WEIGHTS_TABLE_H
#define PASSLINE_SOFTMAX_WEIGHTS_TABLE_H

// WEIGHTS_GRID    1 over what is split off x / ln2 in multiples
// WEIGHTS_BIAS    where floats are multiples of it
// WEIGHTS_HIDDEN  what a shift hides: h, less the multiple of ln2 / G that costs nothing
// weights_begin, weights_end, weights_from_table: the polynomial up to its middle, the rest of it, and what
//                 of the power of two comes from the table
// WEIGHTS_UNIT    by what sums and stored weights are too large, with a shift and without: the softmax does
// not
//                 know it. With 8 entries it is what saves a product. With more it is that of 10^7 random
//                 numbers which leaves the entries of the table nearest to floats: within 0.43 2^-24 of
//                 themselves with 32, 0.28 2^-24 with 16, where 1 would leave up to 2^-24.

#if PASSLINE_TABLE == 0

#define WEIGHTS_GRID 1.0
#define WEIGHTS_BIAS VEC_POW2_BIAS
#define WEIGHTS_HIDDEN 0.0
#define WEIGHTS_UNIT(shifted) 1.0
typedef exp_polynomial weights_constants;

SIMD_INLINE float weights_offset(int mode) { return (void)mode, 0.0f; }
SIMD_INLINE weights_constants weights_constants_of(int mode, double factor) {
  (void)mode;
  return exp_polynomial_of((float)factor);
}
SIMD_INLINE void weights_begin(int mode, int scaled, int count, const vec t[], const weights_constants *c,
                               vec p[]) {
  (void)mode, (void)scaled;
  UNROLL_ALL
  for (int i = 0; i < count; i++) p[i] = c->c5;
  exp_horner(count, t, c->c4, p);
  exp_horner(count, t, c->c3, p);
}
SIMD_INLINE void weights_end(int mode, int scaled, int count, const vec t[], const weights_constants *c,
                             vec p[]) {
  (void)mode, (void)scaled;
  exp_horner(count, t, c->c2, p);
  exp_horner(count, t, c->c1, p);
  exp_horner(count, t, c->c0, p);
}
SIMD_INLINE void weights_from_table(int count, const vec n[], const weights_constants *c, vec p[]) {
  (void)count, (void)n, (void)c, (void)p;
}

#elif PASSLINE_TABLE == 8 && PASSLINE_DEGREE == 3

#define WEIGHTS_GRID 8.0
#define WEIGHTS_BIAS VEC_POW2_BIAS8
#define WEIGHTS_HIDDEN 0.0
#define WEIGHTS_UNIT(shifted) (1.0 / WEIGHTS_C)
#define WEIGHTS_C 0x1.5557C14F9CB9Bp-3
#define WEIGHTS_A 0x1.800DB0p+1f
#define WEIGHTS_B 0x1.7FFD46p+2f
typedef struct weights_constants {
  vec_table8 pow2;
  vec c0, c1, c2, c3;  // of the polynomial that holds the factor
} weights_constants;

SIMD_INLINE float weights_offset(int mode) { return (void)mode, 0.0f; }
SIMD_INLINE weights_constants weights_constants_of(int mode, double factor) {
  (void)mode;
  const double c = factor * WEIGHTS_C;
  const vec c0 = vec_set1((float)(c * WEIGHTS_B));
  return (weights_constants){vec_table8_of_pow2(), c0, c0, vec_set1((float)(c * WEIGHTS_A)),
                             vec_set1((float)c)};
}
SIMD_INLINE void weights_begin(int mode, int scaled, int count, const vec t[], const weights_constants *c,
                               vec p[]) {
  (void)mode;
  UNROLL_ALL
  for (int i = 0; i < count; i++)
    p[i] = scaled ? vec_fma(t[i], c->c3, c->c2) : vec_add(t[i], vec_set1(WEIGHTS_A));
}
SIMD_INLINE void weights_end(int mode, int scaled, int count, const vec t[], const weights_constants *c,
                             vec p[]) {
  (void)mode;
  UNROLL_ALL
  for (int i = 0; i < count; i++) p[i] = vec_fma(t[i], p[i], scaled ? c->c1 : vec_set1(WEIGHTS_B));
  UNROLL_ALL
  for (int i = 0; i < count; i++) p[i] = vec_fma(t[i], p[i], scaled ? c->c0 : vec_set1(WEIGHTS_B));
}
SIMD_INLINE void weights_from_table(int count, const vec n[], const weights_constants *c, vec p[]) {
  (void)count, (void)n, (void)c, (void)p;  // it is part of the power
}

#elif PASSLINE_TABLE == 16 && PASSLINE_DEGREE == 3

#define WEIGHTS_GRID 16.0
#define WEIGHTS_BIAS 0x1.8p19f
#define WEIGHTS_HIDDEN 0.0
#define WEIGHTS_UNIT(shifted) 0x1.ABC92B3E513E5p+0
typedef vec_table16 weights_constants;

// 2^(j/16). With h, n is 23/16 above what gives its floor: entry j is then that of j - 23 = j + 9 (mod 16).
static const double weights_table[25] = {
    0x1.0000000000000p+0, 0x1.0b5586cf9890fp+0, 0x1.172b83c7d517bp+0, 0x1.2387a6e756238p+0,
    0x1.306fe0a31b715p+0, 0x1.3dea64c123422p+0, 0x1.4bfdad5362a27p+0, 0x1.5ab07dd485429p+0,
    0x1.6a09e667f3bcdp+0, 0x1.7a11473eb0187p+0, 0x1.8ace5422aa0dbp+0, 0x1.9c49182a3f090p+0,
    0x1.ae89f995ad3adp+0, 0x1.c199bdd85529cp+0, 0x1.d5818dcfba487p+0, 0x1.ea4afa2a490dap+0,
    0x1.0000000000000p+0, 0x1.0b5586cf9890fp+0, 0x1.172b83c7d517bp+0, 0x1.2387a6e756238p+0,
    0x1.306fe0a31b715p+0, 0x1.3dea64c123422p+0, 0x1.4bfdad5362a27p+0, 0x1.5ab07dd485429p+0,
    0x1.6a09e667f3bcdp+0};

#if WEIGHTS_CUBE
SIMD_INLINE float weights_offset(int mode) { return (void)mode, 23.0f / 16.0f; }
SIMD_INLINE weights_constants weights_constants_of(int mode, double factor) {
  (void)mode;
  return vec_table16_of(weights_table + 9, factor * 0x1.56957A7AE94D7p-3 * 0x1.5AB07DD485429p1);  // 2^(23/16)
}
SIMD_INLINE void weights_begin(int mode, int scaled, int count, const vec v[], const weights_constants *c,
                               vec p[]) {
  (void)mode, (void)scaled, (void)c;
  UNROLL_ALL
  for (int i = 0; i < count; i++) p[i] = vec_fma(v[i], v[i], vec_set1(0x1.7FF4F6p+1f));
}
SIMD_INLINE void weights_end(int mode, int scaled, int count, const vec v[], const weights_constants *c,
                             vec p[]) {
  (void)mode, (void)scaled, (void)c;
  UNROLL_ALL
  for (int i = 0; i < count; i++) p[i] = vec_fma(v[i], p[i], vec_set1(0x1.000000p+1f));
}
#else
SIMD_INLINE float weights_offset(int mode) { return (void)mode, 0.0f; }
SIMD_INLINE weights_constants weights_constants_of(int mode, double factor) {
  (void)mode;
  return vec_table16_of(weights_table, factor * 0x1.5557871892148p-3);
}
SIMD_INLINE void weights_begin(int mode, int scaled, int count, const vec t[], const weights_constants *c,
                               vec p[]) {
  (void)mode, (void)scaled, (void)c;
  UNROLL_ALL
  for (int i = 0; i < count; i++) p[i] = vec_add(t[i], vec_set1(0x1.80019Cp+1f));
}
SIMD_INLINE void weights_end(int mode, int scaled, int count, const vec t[], const weights_constants *c,
                             vec p[]) {
  (void)mode, (void)scaled, (void)c;
  UNROLL_ALL
  for (int i = 0; i < count; i++) p[i] = vec_fma(t[i], p[i], vec_set1(0x1.7FFD88p+2f));
  UNROLL_ALL
  for (int i = 0; i < count; i++) p[i] = vec_fma(t[i], p[i], vec_set1(0x1.7FFD88p+2f));
}
#endif
SIMD_INLINE void weights_from_table(int count, const vec n[], const weights_constants *c, vec p[]) {
  UNROLL_ALL
  for (int i = 0; i < count; i++) p[i] = vec_mul(vec_table16_at(*c, n[i]), p[i]);
}

#elif PASSLINE_TABLE == 32 && PASSLINE_DEGREE == 2

#define WEIGHTS_GRID 32.0
#define WEIGHTS_BIAS 0x1.8p18f
#define WEIGHTS_HIDDEN (1.000023832803008 - 46.0 / 32.0 * EXP_LN2)
#define WEIGHTS_UNIT(shifted) ((shifted) ? 0x1.410D1E0721484p+0 : 0x1.8338BBAF1A100p+0)
typedef vec_table32 weights_constants;

// 2^(j/32). With h, n is 46/32 above what gives its floor: entry j is then that of j - 46 = j + 18 (mod 32).
static const double weights_table[50] = {
    0x1.0000000000000p+0, 0x1.059b0d3158574p+0, 0x1.0b5586cf9890fp+0, 0x1.11301d0125b51p+0,
    0x1.172b83c7d517bp+0, 0x1.1d4873168b9aap+0, 0x1.2387a6e756238p+0, 0x1.29e9df51fdee1p+0,
    0x1.306fe0a31b715p+0, 0x1.371a7373aa9cbp+0, 0x1.3dea64c123422p+0, 0x1.44e086061892dp+0,
    0x1.4bfdad5362a27p+0, 0x1.5342b569d4f82p+0, 0x1.5ab07dd485429p+0, 0x1.6247eb03a5585p+0,
    0x1.6a09e667f3bcdp+0, 0x1.71f75e8ec5f74p+0, 0x1.7a11473eb0187p+0, 0x1.82589994cce13p+0,
    0x1.8ace5422aa0dbp+0, 0x1.93737b0cdc5e5p+0, 0x1.9c49182a3f090p+0, 0x1.a5503b23e255dp+0,
    0x1.ae89f995ad3adp+0, 0x1.b7f76f2fb5e47p+0, 0x1.c199bdd85529cp+0, 0x1.cb720dcef9069p+0,
    0x1.d5818dcfba487p+0, 0x1.dfc97337b9b5fp+0, 0x1.ea4afa2a490dap+0, 0x1.f50765b6e4540p+0,
    0x1.0000000000000p+0, 0x1.059b0d3158574p+0, 0x1.0b5586cf9890fp+0, 0x1.11301d0125b51p+0,
    0x1.172b83c7d517bp+0, 0x1.1d4873168b9aap+0, 0x1.2387a6e756238p+0, 0x1.29e9df51fdee1p+0,
    0x1.306fe0a31b715p+0, 0x1.371a7373aa9cbp+0, 0x1.3dea64c123422p+0, 0x1.44e086061892dp+0,
    0x1.4bfdad5362a27p+0, 0x1.5342b569d4f82p+0, 0x1.5ab07dd485429p+0, 0x1.6247eb03a5585p+0,
    0x1.6a09e667f3bcdp+0, 0x1.71f75e8ec5f74p+0};

SIMD_INLINE float weights_offset(int mode) { return mode == FAR ? 46.0f / 32.0f : 0.0f; }
SIMD_INLINE weights_constants weights_constants_of(int mode, double factor) {
  if (mode == FAR)
    return vec_table32_of(weights_table + 18, factor * 0x1.FFFEEA5029A1Dp-2 * 2.7183466135063847);  // e^h
  return vec_table32_of(weights_table, factor * 0x1.FFFF9C039E54Ep-2);
}
SIMD_INLINE void weights_begin(int mode, int scaled, int count, const vec t[], const weights_constants *c,
                               vec p[]) {
  (void)scaled, (void)c;
  UNROLL_ALL
  for (int i = 0; i < count; i++) p[i] = mode == FAR ? t[i] : vec_add(t[i], vec_set1(0x1.000138p+1f));
}
SIMD_INLINE void weights_end(int mode, int scaled, int count, const vec t[], const weights_constants *c,
                             vec p[]) {
  (void)scaled, (void)c;
  const vec last = vec_set1(mode == FAR ? 0x1.FFFBECp-1f : 0x1.000032p+1f);
  UNROLL_ALL
  for (int i = 0; i < count; i++) p[i] = vec_fma(t[i], p[i], last);
}
SIMD_INLINE void weights_from_table(int count, const vec n[], const weights_constants *c, vec p[]) {
  UNROLL_ALL
  for (int i = 0; i < count; i++) p[i] = vec_mul(vec_table32_at(*c, n[i]), p[i]);
}

#else
#error "PASSLINE_TABLE and PASSLINE_DEGREE must be 8 and 3, 16 and 3, or 32 and 2"
#endif

// What p is multiplied by: 2^floor(g), from n or, where that takes any exponent, from r = n - origin; 2^g
// itself with 8 entries.
SIMD_INLINE vec_pow2 weights_power(vec n, vec r, const weights_constants *c) {
#if VEC_POW2_SATURATES
  return (void)n, (void)c, vec_pow2_floor(r);
#elif PASSLINE_TABLE == 8
  return (void)r, vec_pow2_of_eighths(c->pow2, n);
#else
  return (void)r, (void)c, vec_pow2_of(n);
#endif
}

#endif  // PASSLINE_SOFTMAX_WEIGHTS_TABLE_H
