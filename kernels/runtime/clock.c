// SPDX-License-Identifier: Apache-2.0
//
// The core's frequency and the clock's own cost, measured.
#define _GNU_SOURCE
#include "runtime/clock.h"

#include <stdlib.h>

#include "passline.h"

// Cycles from one 32-bit integer multiplication to the next that needs its result:
// 3 on Intel since Nehalem (2008) and on AMD since Zen (2017). 0: not known.
#if defined(__x86_64__)
enum { MULTIPLY_LATENCY = 3 };
#else
enum { MULTIPLY_LATENCY = 0 };
#endif

enum { CHAIN = 16 };

double passline_clock_hz(uint64_t ns) {
  if (MULTIPLY_LATENCY == 0) return 0.0;
  uint32_t value = 3, factor = 5;
  uint64_t multiplications = 0;
  uint64_t elapsed;
  const uint64_t start = clock_ns();
  do {
    for (int block = 0; block < 64; block++) {
      for (int i = 0; i < CHAIN; i++) {
        value *= factor;
        // Without this the compiler would multiply the factors together first.
        __asm__ volatile("" : "+r"(value), "+r"(factor));
      }
    }
    multiplications += 64 * CHAIN;
    elapsed = clock_ns() - start;
  } while (elapsed < ns);
  return (double)(MULTIPLY_LATENCY * multiplications) * 1e9 / (double)elapsed;
}

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double passline_clock_cost_ns(void) {
  enum { SAMPLES = 101, READS = 64 };
  double cost[SAMPLES];
  for (int s = 0; s < SAMPLES; s++) {
    const uint64_t start = clock_ns();
    uint64_t end = start;
    for (int i = 0; i < READS; i++) end = clock_ns();
    cost[s] = (double)(end - start) / READS;
  }
  qsort(cost, SAMPLES, sizeof cost[0], compare);
  return cost[SAMPLES / 2];
}
