// SPDX-License-Identifier: Apache-2.0
//
// bare.c: kernels as they are built for measuring, in a program for callgrind.
// usage: bare N VARIANT...     calls each variant twice, over rows of N floats
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "passline.h"

static const passline_variant *find(const char *name) {
  size_t count;
  const passline_variant *variants = passline_variants(&count);
  for (size_t i = 0; i < count; i++)
    if (strcmp(variants[i].name, name) == 0) return &variants[i];
  return NULL;
}

static float *new_row(size_t n) {
  float *row = aligned_alloc(4096, (n * sizeof(float) + 4095) / 4096 * 4096);
  for (size_t i = 0; row != NULL && i < n; i++) row[i] = (float)(i % 97) * 0.125f;
  return row;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  const size_t n = strtoull(argv[1], NULL, 10);
  float *x = new_row(n), *y = new_row(n), *scratch = new_row(n);
  if (x == NULL || y == NULL || scratch == NULL) return 1;
  for (int i = 2; i < argc; i++) {
    const passline_variant *variant = find(argv[i]);
    if (variant == NULL) {
      fprintf(stderr, "bare: no variant %s is linked in\n", argv[i]);
      return 2;
    }
    passline_state state = {.max = 12.0f, .scale = 0.5f, .exponent = 20.0f, .scratch = scratch};
    variant->run(n, x, y, &state);
    variant->run(n, x, y, &state);
  }
  return 0;
}
