// SPDX-License-Identifier: Apache-2.0
//
// hooks.c: what gcc's -fsanitize=thread calls before every load and store, answered by the simulated cache
// instead of the thread sanitizer. Objects are compiled with the flag and linked without it.
#include "cache.h"

void __tsan_init(void) {}
void __tsan_func_entry(void *caller) { (void)caller; }
void __tsan_func_exit(void) {}

#define HOOKS(bytes)                                                                     \
  void __tsan_read##bytes(void *p) { traffic_access(p, bytes, TRAFFIC_LOAD); }           \
  void __tsan_write##bytes(void *p) { traffic_access(p, bytes, TRAFFIC_STORE); }         \
  void __tsan_unaligned_read##bytes(void *p) { traffic_access(p, bytes, TRAFFIC_LOAD); } \
  void __tsan_unaligned_write##bytes(void *p) { traffic_access(p, bytes, TRAFFIC_STORE); }
HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)

void __tsan_read_range(void *p, size_t bytes) { traffic_access(p, bytes, TRAFFIC_LOAD); }
void __tsan_write_range(void *p, size_t bytes) { traffic_access(p, bytes, TRAFFIC_STORE); }
