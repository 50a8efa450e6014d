// SPDX-License-Identifier: Apache-2.0
//
// Softmax by what was measured to be fastest for rows of that length, alone or in a batch, on one thread or
// several.
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "passline.h"
#include "runtime/best.h"
#include "runtime/team.h"

enum {
  MOST_PASSES = 4,
  MOST_CHOICES = 64,
  MOST_MEMBERS = 1024,
  LINE = 64 / sizeof(float),  // parts of a row end where cache lines do, if the row starts at one
};

// Rows of n_from elements and more: where batch_from is 0, of any; elsewhere, of batches of so many elements.
typedef struct choice {
  size_t batch_from, n_from, members, n_passes;
  const passline_variant *passes[MOST_PASSES];
} choice;

struct passline_best {
  team *team;
  size_t n_choices;
  choice choices[MOST_CHOICES];
  choice alone[MOST_CHOICES];  // the same where one thread computes
  size_t n_alone;
};

static const passline_variant *variant_of(const char *name, size_t length) {
  size_t count;
  const passline_variant *all = passline_variants(&count);
  for (size_t i = 0; i < count; i++)
    if (strncmp(all[i].name, name, length) == 0 && all[i].name[length] == '\0') return &all[i];
  return NULL;
}

// The next word of a line, and its length, 0 at the end of the line.
static const char *word(const char **at, size_t *length) {
  while (**at == ' ' || **at == '\t') (*at)++;
  const char *start = *at;
  while (**at != '\0' && !isspace((unsigned char)**at)) (*at)++;
  *length = (size_t)(*at - start);
  return start;
}

// A number; 0 where the line is not as it should be.
static int number(const char **at, size_t *value) {
  size_t length;
  const char *start = word(at, &length);
  char *end;
  *value = (size_t)strtoull(start, &end, 10);
  return length > 0 && end == start + length;
}

// One line: instruction set, threads allowed, elements of a batch and of a row from which on, threads used,
// variants.
// 1 where it is about these, 0 where it is about others, -1 where it is wrong.
static int parse_line(const char *line, const char *isa, size_t threads, choice *c) {
  size_t length, allowed;
  const char *start = word(&line, &length);
  const int mine = strlen(isa) == length && strncmp(start, isa, length) == 0;
  if (!number(&line, &allowed) || !number(&line, &c->batch_from) || !number(&line, &c->n_from) ||
      !number(&line, &c->members))
    return -1;
  if (!mine || allowed != threads) return 0;
  if (c->members < 1 || c->members > allowed) return -1;
  for (c->n_passes = 0; c->n_passes < MOST_PASSES; c->n_passes++) {
    start = word(&line, &length);
    if (length == 0) break;
    c->passes[c->n_passes] = variant_of(start, length);
    if (c->passes[c->n_passes] == NULL) return -1;
  }
  if (c->n_passes == 0 || !word(&line, &length) || length > 0) return -1;
  // Where a row is split, all passes but the last must know what its parts make of it; those of batches are
  // not.
  for (size_t i = 0; i + 1 < c->n_passes && c->members > 1 && c->batch_from == 0; i++)
    if (c->passes[i]->combine == NULL) return -1;
  return 1;
}

// Batches ascend, and in each of them the lengths of rows, from 0 on.
static int follows(const choice *c, const choice *before) {
  if (before == NULL) return c->batch_from == 0 && c->n_from == 0;
  if (c->batch_from == before->batch_from) return c->n_from > before->n_from;
  return c->batch_from > before->batch_from && c->n_from == 0;
}

// The choices for so many threads, in order; their number, or -1.
static int parse(const char *text, const char *isa, size_t threads, choice *choices) {
  int found = 0;
  while (*text != '\0') {
    const char *end = strchr(text, '\n');
    if (*text != '#' && *text != '\n') {
      choice c = {0};
      const int is_mine = parse_line(text, isa, threads, &c);
      if (is_mine < 0 || (is_mine && found == MOST_CHOICES)) return -1;
      if (is_mine && !follows(&c, found > 0 ? &choices[found - 1] : NULL)) return -1;
      if (is_mine) choices[found++] = c;
    }
    if (end == NULL) break;
    text = end + 1;
  }
  return found > 0 ? found : -1;
}

passline_best *passline_best_new(const char *choices, const char *isa, const int *cpus, size_t n_threads) {
  passline_best *best = calloc(1, sizeof *best);
  if (best == NULL) return NULL;
  if (isa == NULL) isa = "any";
  const int alone = parse(choices, isa, 1, best->alone);
  const int shared = n_threads > 1 ? parse(choices, isa, n_threads, best->choices) : alone;
  if (n_threads == 1) memcpy(best->choices, best->alone, sizeof best->choices);
  if (alone < 0 || shared < 0 || n_threads < 1 || n_threads > MOST_MEMBERS) {
    free(best);
    errno = EINVAL;
    return NULL;
  }
  best->n_alone = (size_t)alone;
  best->n_choices = (size_t)shared;
  best->team = team_start(cpus, n_threads);
  if (best->team == NULL) {
    free(best);
    return NULL;
  }
  return best;
}

passline_best *passline_best_open(const char *path, const char *isa, const int *cpus, size_t n_threads) {
  FILE *file = fopen(path, "r");
  if (file == NULL) return NULL;
  char *text = NULL;
  size_t room = 0;
  const ssize_t length = getdelim(&text, &room, '\0', file);
  const int error = ferror(file) ? errno : 0;
  fclose(file);
  passline_best *best = NULL;
  if (length >= 0)
    best = passline_best_new(text, isa, cpus, n_threads);
  else
    errno = error != 0 ? error : EINVAL;
  free(text);
  return best;
}

void passline_best_free(passline_best *best) {
  if (best == NULL) return;
  team_end(best->team);
  free(best);
}

// The last that holds; of a row by itself, batch_elements is 0.
static const choice *choice_for(const choice *choices, size_t n_choices, size_t batch_elements, size_t n) {
  size_t i = n_choices - 1;
  while (choices[i].batch_from > batch_elements || choices[i].n_from > n) i--;
  return &choices[i];
}

static void compute_alone(const choice *c, size_t n, const float *x, float *y) {
  passline_state state = {0};
  for (size_t i = 0; i < c->n_passes; i++) {
    c->passes[i]->run(n, x, y, &state);
    if (c->passes[i]->finish != NULL) c->passes[i]->finish(&state);
  }
}

// Members take parts of a row that differ by a line at most; the last takes what is left of one.
static size_t part_start(size_t n, size_t members, size_t member) {
  return member == members ? n : n / LINE * member / members * LINE;
}

typedef struct row_task {
  const passline_variant *pass;
  passline_part *parts;  // one per member
} row_task;

static void run_part(void *argument, size_t member) {
  const row_task *t = argument;
  passline_part *part = &t->parts[member];
  t->pass->run(part->n, part->x, part->y, &part->state);
}

static void compute_together(const passline_best *best, const choice *c, size_t n, const float *x, float *y) {
  passline_part parts[MOST_MEMBERS];
  size_t members = c->members <= n / LINE ? c->members : n / LINE;
  if (members < 2) {
    compute_alone(c, n, x, y);
    return;
  }
  for (size_t m = 0; m < members; m++) {
    const size_t start = part_start(n, members, m);
    parts[m] = (passline_part){.n = part_start(n, members, m + 1) - start, .x = x + start, .y = y + start};
  }
  row_task task = {.parts = parts};
  for (size_t i = 0; i < c->n_passes; i++) {
    task.pass = c->passes[i];
    team_run(best->team, members, run_part, &task);
    if (task.pass->combine != NULL) task.pass->combine(parts, members);
    for (size_t m = 0; m < members && task.pass->finish != NULL; m++) task.pass->finish(&parts[m].state);
  }
}

void passline_softmax(const passline_best *best, size_t n, const float *x, float *y) {
  const choice *c = choice_for(best->choices, best->n_choices, 0, n);
  if (c->members > 1)
    compute_together(best, c, n, x, y);
  else
    compute_alone(c, n, x, y);
}

typedef struct batch_task {
  best_batch batch;
  best_part part;
  const choice *rows;
  size_t members;
} batch_task;

static size_t row_of(const best_batch *b, size_t members, size_t member) {
  return b->n_rows * member / members;
}

static void run_rows(void *argument, size_t member) {
  const batch_task *t = argument;
  const best_batch *b = &t->batch;
  const size_t start = row_of(b, t->members, member), own = row_of(b, t->members, member + 1) - start;
  const size_t end = start + own * t->part.to / t->part.of;
  for (size_t row = start + own * t->part.from / t->part.of; row < end; row++)
    compute_alone(t->rows, b->n, b->x + row * b->x_distance, b->y + row * b->y_distance);
}

void best_run(const passline_best *best, best_batch batch, best_part part) {
  const size_t n = batch.n, elements = batch.n_rows * n;
  const choice *c = choice_for(best->choices, best->n_choices, elements, n);
  size_t members = c->members;
  // What is no batch for the choices, or has rows as long as one: threads as for a row of so many elements,
  // each with the rows of one thread.
  if (n >= c->batch_from) {
    members = choice_for(best->choices, best->n_choices, 0, elements)->members;
    c = choice_for(best->alone, best->n_alone, 0, n);
  }
  if (batch.n_rows < members) {  // too few rows for one each: split every row
    const size_t end = batch.n_rows * part.to / part.of;
    for (size_t row = batch.n_rows * part.from / part.of; row < end; row++)
      passline_softmax(best, n, batch.x + row * batch.x_distance, batch.y + row * batch.y_distance);
    return;
  }
  batch_task task = {batch, part, c, members};
  team_run(best->team, members, run_rows, &task);
}

void passline_softmax_batch(const passline_best *best, size_t n_rows, size_t n, const float *x,
                            size_t x_distance, float *y, size_t y_distance) {
  best_run(best, (best_batch){n_rows, n, x_distance, y_distance, x, y}, (best_part){0, 1, 1});
}
