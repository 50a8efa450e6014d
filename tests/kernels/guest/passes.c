// SPDX-License-Identifier: Apache-2.0
//
// The guest of test_neon_qemu.py: every variant linked into it, run on request, one pass at a time.
//
// First it prints the variants, one a line, and an empty line. Then it reads requests and answers each with
// the state that is left. Rows are files of the working directory that both sides map; in each the first page
// and the last are not accessible here. What a pass writes into a row, the other side reads there.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "passline.h"
#include "runtime/denormals.h"

enum { PAGE = 4096, ROWS = 16, PARTS = 16, LIMIT_S = 20 };

// The numbers of a state, of which `value` is the last.
enum { FIELDS = offsetof(passline_state, value) / sizeof(float) + 1 };
_Static_assert(offsetof(passline_state, scratch) - FIELDS * sizeof(float) < sizeof(float *),
               "a request carries all fields that stand before the row");

typedef enum task { MAP_ROW, RUN, FINISH, COMBINE } task;

typedef struct request {
  uint32_t task, variant;  // with MAP_ROW the number of the row
  uint64_t n;              // with COMBINE the number of parts, each of which is a request that follows
  uint64_t x, y, scratch;  // number of the row plus 1, times 2^32, plus bytes; 0 stands for NULL
  uint32_t flush;          // denormals
  float state[FIELDS];
} request;

static char *rows[ROWS];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void map_row(uint32_t number) {
  char path[32];
  snprintf(path, sizeof path, "row-%u", (unsigned)number);
  const int file = open(path, O_RDWR);
  struct stat status;
  if (number >= ROWS || file < 0 || fstat(file, &status) != 0) fail(path);
  const size_t size = (size_t)status.st_size;
  char *start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (start == MAP_FAILED) fail("mmap");
  if (mprotect(start, PAGE, PROT_NONE) != 0 || mprotect(start + size - PAGE, PAGE, PROT_NONE) != 0)
    fail("mprotect");
  close(file);
  rows[number] = start;
}

static float *place(uint64_t at) {
  return at == 0 ? NULL : (float *)(void *)(rows[(at >> 32) - 1] + (uint32_t)at);
}

static void serve(const request *asked, const passline_variant *variant, passline_state *state) {
  const unsigned before = denormals_control();
  if (asked->flush) (void)denormals_off();
  alarm(LIMIT_S);  // its default action ends the process
  if (asked->task == RUN)
    variant->run(asked->n, place(asked->x), place(asked->y), state);
  else
    variant->finish(state);
  alarm(0);
  denormals_restore(before);
}

static void answer(const passline_state *state) {
  float left[FIELDS];
  memcpy(left, state, sizeof left);
  if (fwrite(left, sizeof left, 1, stdout) != 1 || fflush(stdout) != 0) fail("answer");
}

// The parts of a row: a request each, and each answered with the state that is left in it.
static void combine(const passline_variant *variant, size_t n_parts) {
  passline_part parts[PARTS];
  request asked;
  if (n_parts > PARTS) fail("parts");
  for (size_t i = 0; i < n_parts; i++) {
    if (fread(&asked, sizeof asked, 1, stdin) != 1) fail("part");
    parts[i] = (passline_part){.n = asked.n, .x = place(asked.x), .y = place(asked.y)};
    memcpy(&parts[i].state, asked.state, sizeof asked.state);
  }
  alarm(LIMIT_S);
  variant->combine(parts, n_parts);
  alarm(0);
  for (size_t i = 0; i < n_parts; i++) answer(&parts[i].state);
}

int main(void) {
  size_t count;
  const passline_variant *variants = passline_variants(&count);
  for (size_t i = 0; i < count; i++)
    printf("%s %d %d\n", variants[i].name, variants[i].finish != NULL, variants[i].combine != NULL);
  printf("\n");
  fflush(stdout);
  for (request asked; fread(&asked, sizeof asked, 1, stdin) == 1;) {
    passline_state state = {.scratch = place(asked.scratch)};
    memcpy(&state, asked.state, sizeof asked.state);
    if (asked.task == MAP_ROW)
      map_row(asked.variant);
    else if (asked.task != COMBINE)
      serve(&asked, &variants[asked.variant], &state);
    answer(&state);
    if (asked.task == COMBINE) combine(&variants[asked.variant], asked.n);
  }
  return 0;
}
