// SPDX-License-Identifier: Apache-2.0
//
// The variant table. PASSLINE_EXPORT puts one entry per object into a section of its own, and the
// linker sets two symbols around the section: linking an object is all it takes to enter the table.
#include "passline.h"

// Hidden: each library has its own table, also beside another build in the same process.
// Weak: a library without any variant still links, and its table is empty.
extern const passline_variant __start_passline_variants[] __attribute__((weak, visibility("hidden")));
extern const passline_variant __stop_passline_variants[] __attribute__((weak, visibility("hidden")));

const passline_variant *passline_variants(size_t *count) {
  *count = (size_t)(__stop_passline_variants - __start_passline_variants);
  return __start_passline_variants;
}
