// SPDX-License-Identifier: Apache-2.0
//
// traced.h: the header of an instruction set (PASSLINE_TRACED), with hooks where the compiler sets none.
// Masked and non-temporal accesses are built-in functions, which -fsanitize=thread passes over.
//
// The build of a test names it as the instruction set's header, so that the kernels themselves stay as they
// are.
#ifndef PASSLINE_TESTS_TRAFFIC_TRACED_H
#define PASSLINE_TESTS_TRAFFIC_TRACED_H

#include PASSLINE_TRACED
#include "cache.h"

SIMD_INLINE vec traced_load_tail(const float *p, size_t count, vec fill) {
  traffic_access(p, count * sizeof(float), TRAFFIC_LOAD);
  return vec_load_tail(p, count, fill);
}
SIMD_INLINE void traced_store_tail(float *p, size_t count, vec v) {
  traffic_access(p, count * sizeof(float), TRAFFIC_STORE);
  vec_store_tail(p, count, v);
}
SIMD_INLINE void traced_stream(float *p, vec v) {
  traffic_access(p, sizeof v, TRAFFIC_STREAM);
  vec_stream(p, v);
}

#define vec_load_tail traced_load_tail
#define vec_store_tail traced_store_tail
#define vec_stream traced_stream

#endif  // PASSLINE_TESTS_TRAFFIC_TRACED_H
