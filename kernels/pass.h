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

#endif  // PASSLINE_PASS_H
