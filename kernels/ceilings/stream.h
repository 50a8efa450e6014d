// SPDX-License-Identifier: Apache-2.0
//
// stream.h: what the loops that write share: ordinary or non-temporal stores.
#ifndef PASSLINE_CEILINGS_STREAM_H
#define PASSLINE_CEILINGS_STREAM_H

#include "pass.h"

#if PASSLINE_STORE != 0 && PASSLINE_STORE != 1
#error "PASSLINE_STORE must be 0 (ordinary) or 1 (non-temporal)"
#endif

// Elements to write one by one before y is aligned for non-temporal stores; none for ordinary ones.
SIMD_INLINE size_t stream_head(const float *y, size_t n) {
  if (PASSLINE_STORE == 0) return 0;
  const size_t misaligned = ((uintptr_t)y % sizeof(vec)) / sizeof(float);
  const size_t head = misaligned == 0 ? 0 : LANES - misaligned;
  return head < n ? head : n;
}

SIMD_INLINE void stream_store(float *y, vec v) {
  if (PASSLINE_STORE == 1)
    vec_stream(y, v);
  else
    vec_store(y, v);
}

SIMD_INLINE void stream_end(void) {
  if (PASSLINE_STORE == 1) vec_fence();
}

// Once per loop step: a compiler that sees it cannot replace the loop by a call of memcpy or memset,
// which would measure the C library instead. It costs no instruction.
SIMD_INLINE void stream_keep_loop(void) { __asm__ volatile("" ::: "memory"); }

#endif  // PASSLINE_CEILINGS_STREAM_H
