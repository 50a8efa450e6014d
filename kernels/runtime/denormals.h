// SPDX-License-Identifier: Apache-2.0
//
// Denormals off for the calling thread, and back to what it was. Elsewhere than on x86 and AArch64 nothing
// changes.
#ifndef PASSLINE_RUNTIME_DENORMALS_H
#define PASSLINE_RUNTIME_DENORMALS_H

#ifdef __SSE2__
#include <emmintrin.h>

// MXCSR bits: results that are denormal become 0 (FTZ), operands that are denormal count as 0 (DAZ).
enum { MXCSR_FTZ = 0x8000, MXCSR_DAZ = 0x0040 };

static inline unsigned denormals_off(void) {
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | MXCSR_FTZ | MXCSR_DAZ);
  return before;
}
static inline unsigned denormals_control(void) { return _mm_getcsr(); }
static inline void denormals_restore(unsigned before) { _mm_setcsr(before); }

#elif defined(__aarch64__)

// FPCR.FZ: denormal results become 0, and denormal operands count as 0.
enum { FPCR_FZ = 1 << 24 };

static inline unsigned denormals_control(void) {
  unsigned long long fpcr;
  __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
  return (unsigned)fpcr;
}
static inline void denormals_restore(unsigned before) {
  __asm__ volatile("msr fpcr, %0" : : "r"((unsigned long long)before));
}
static inline unsigned denormals_off(void) {
  const unsigned before = denormals_control();
  denormals_restore(before | FPCR_FZ);
  return before;
}

#else

static inline unsigned denormals_off(void) { return 0; }
static inline unsigned denormals_control(void) { return 0; }
static inline void denormals_restore(unsigned before) { (void)before; }

#endif
#endif  // PASSLINE_RUNTIME_DENORMALS_H
