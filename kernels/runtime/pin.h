// SPDX-License-Identifier: Apache-2.0
//
// pin.h: a thread on one cpu. Includes need _GNU_SOURCE.
#ifndef PASSLINE_RUNTIME_PIN_H
#define PASSLINE_RUNTIME_PIN_H

#include <errno.h>
#include <pthread.h>
#include <sched.h>

// Returns 0 or an errno.
static inline int pin_this_thread(int cpu) {
  if (cpu < 0 || cpu >= CPU_SETSIZE) return EINVAL;
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(cpu, &cpus);
  return pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus);
}

#endif  // PASSLINE_RUNTIME_PIN_H
