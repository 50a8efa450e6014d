// SPDX-License-Identifier: Apache-2.0
//
// store.h: ordinary or non-temporal stores of a row.
#ifndef PASSLINE_SOFTMAX_STORE_H
#define PASSLINE_SOFTMAX_STORE_H

#include "pass.h"

#if PASSLINE_STORE != 0 && PASSLINE_STORE != 1
#error "PASSLINE_STORE must be 0 (ordinary) or 1 (non-temporal)"
#endif

// Elements before y is aligned for non-temporal stores; none for ordinary ones.
SIMD_INLINE size_t store_head(size_t n, const float *y) {
  if (PASSLINE_STORE == 0) return 0;
  const size_t head = -((uintptr_t)y / sizeof(float)) % LANES;
  return head < n ? head : n;
}

SIMD_INLINE void store_row(int count, float *y, const vec v[]) {
  UNROLL_ALL
  for (int i = 0; i < count; i++)
    if (PASSLINE_STORE == 1)
      vec_stream(y + i * LANES, v[i]);
    else
      vec_store(y + i * LANES, v[i]);
}

SIMD_INLINE void store_end(void) {
  if (PASSLINE_STORE == 1) vec_fence();
}

#endif  // PASSLINE_SOFTMAX_STORE_H
