// SPDX-License-Identifier: Apache-2.0
//
// The core's frequency and the clock's own cost, measured.
#define _GNU_SOURCE
#include "runtime/clock.h"

#include <stdlib.h>

#include "passline.h"

#if defined(__x86_64__)
// Cycles from one 32-bit integer multiplication to the next that needs its result: 3 on Intel since
// Nehalem (2008) and on AMD since Zen (2017).
enum { MULTIPLY_LATENCY = 3 };

// In assembly, as a move that a compiler adds to the chain would add to its latency on some processors.
static inline uint32_t multiply(uint32_t value, uint32_t factor) {
  __asm__ volatile("imull %1, %0" : "+r"(value) : "r"(factor));
  return value;
}

// Multiplications between two looks at the clock: about 15 microseconds, beside which reading it costs
// little.
enum { BLOCK = 16384 };

double passline_clock_hz(uint64_t ns) {
  uint32_t value = 3;
  uint64_t multiplications = 0;
  uint64_t elapsed;
  const uint64_t start = clock_ns();
  do {
    for (int i = 0; i < BLOCK; i++) value = multiply(value, 5);
    multiplications += BLOCK;
    elapsed = clock_ns() - start;
  } while (elapsed < ns);
  return (double)(MULTIPLY_LATENCY * multiplications) * 1e9 / (double)elapsed;
}
#else
double passline_clock_hz(uint64_t ns) {
  (void)ns;
  return 0.0;  // the latency is not known
}
#endif

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
