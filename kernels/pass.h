// SPDX-License-Identifier: Apache-2.0
//
// pass.h: what every pass file starts with. A pass is compiled once per variant;
// the build gives, besides the dimensions of its study,
//   PASSLINE_NAME        the variant's name, a string
//   PASSLINE_SYMBOL      the name of its function
//   PASSLINE_ISA_HEADER  the header with the vector operations, a string
#ifndef PASSLINE_PASS_H
#define PASSLINE_PASS_H

#include "passline.h"

#if !defined(PASSLINE_NAME) || !defined(PASSLINE_SYMBOL) || !defined(PASSLINE_ISA_HEADER)
#error "compile with -DPASSLINE_NAME=, -DPASSLINE_SYMBOL= and -DPASSLINE_ISA_HEADER="
#endif
#include PASSLINE_ISA_HEADER

// Vectors per loop step. Loops over them are unrolled completely by UNROLL_ALL, whose
// argument must be a literal in gcc: hence the upper bound.
#ifdef __clang__
#define UNROLL_ALL _Pragma("clang loop unroll(full)")
#else
#define UNROLL_ALL _Pragma("GCC unroll 16")
#endif
#ifndef PASSLINE_UNROLL
#error "compile with -DPASSLINE_UNROLL=, the vectors per loop step"
#endif
_Static_assert(PASSLINE_UNROLL >= 1 && PASSLINE_UNROLL <= 16, "PASSLINE_UNROLL must lie in 1..16");
enum { STEP = PASSLINE_UNROLL * LANES };

#ifdef PASSLINE_ACCUMULATORS
_Static_assert(PASSLINE_ACCUMULATORS >= 1 && PASSLINE_UNROLL % PASSLINE_ACCUMULATORS == 0,
               "PASSLINE_ACCUMULATORS must divide PASSLINE_UNROLL");
#endif

passline_pass PASSLINE_SYMBOL;

// `count` vectors at once; count is a constant wherever these are inlined.
SIMD_INLINE void load_all(int count, const float *p, vec v[]) {
  UNROLL_ALL
  for (int i = 0; i < count; i++) v[i] = vec_load(p + i * LANES);
}
SIMD_INLINE void store_all(int count, float *p, const vec v[]) {
  UNROLL_ALL
  for (int i = 0; i < count; i++) vec_store(p + i * LANES, v[i]);
}

// A row is walked in steps of PASSLINE_UNROLL vectors, then vector by vector, then through the n % LANES
// floats that are left. Each is written once, here, for a pass whose vectors need not be interleaved.

// add(v, i, into) for every vector of x[0..n), of which it is number i of its step. The last is filled up
// with `rest`, which must add nothing.
#define REDUCE_ROW(n, x, rest, add, into)                                                       \
  do {                                                                                          \
    size_t row_left = (n);                                                                      \
    const float *row_x = (x);                                                                   \
    for (; row_left >= STEP; row_left -= STEP, row_x += STEP) {                                 \
      UNROLL_ALL                                                                                \
      for (int row_i = 0; row_i < PASSLINE_UNROLL; row_i++)                                     \
        add(vec_load(row_x + row_i * LANES), row_i, into);                                      \
    }                                                                                           \
    for (; row_left >= LANES; row_left -= LANES, row_x += LANES) add(vec_load(row_x), 0, into); \
    if (row_left > 0) add(vec_load_tail(row_x, row_left, vec_set1(rest)), 0, into);             \
  } while (0)

// y[0..n) = of(v, with) for every vector v of x[0..n); y may be x. `with` is evaluated once.
#define MAP_ROW(n, x, y, of, with)                                                                   \
  do {                                                                                               \
    const __typeof__(with) row_with = (with);                                                        \
    size_t row_left = (n);                                                                           \
    const float *row_x = (x);                                                                        \
    float *row_y = (y);                                                                              \
    for (; row_left >= STEP; row_left -= STEP, row_x += STEP, row_y += STEP) {                       \
      UNROLL_ALL                                                                                     \
      for (int row_i = 0; row_i < PASSLINE_UNROLL; row_i++)                                          \
        vec_store(row_y + row_i * LANES, of(vec_load(row_x + row_i * LANES), row_with));             \
    }                                                                                                \
    for (; row_left >= LANES; row_left -= LANES, row_x += LANES, row_y += LANES)                     \
      vec_store(row_y, of(vec_load(row_x), row_with));                                               \
    if (row_left > 0)                                                                                \
      vec_store_tail(row_y, row_left, of(vec_load_tail(row_x, row_left, vec_set1(0.0f)), row_with)); \
  } while (0)

#endif  // PASSLINE_PASS_H
