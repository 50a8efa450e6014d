// SPDX-License-Identifier: Apache-2.0
#ifndef PASSLINE_RUNTIME_CLOCK_H
#define PASSLINE_RUNTIME_CLOCK_H

#include <stdint.h>
#include <time.h>

// Nanoseconds since some start; the same start for all threads, and never set back.
static inline uint64_t clock_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif  // PASSLINE_RUNTIME_CLOCK_H
