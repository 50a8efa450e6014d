// SPDX-License-Identifier: Apache-2.0
#include "cache.h"

#include <stdlib.h>

enum { LINE_BYTES = 64, ROWS = 4 };

typedef struct line {
  uint64_t number;   // address / 64
  uint64_t used;     // when; 0 = the way is empty
  uint64_t dirtied;  // in which period, from 1; 0 = clean
} line;

static line *lines;
static size_t n_sets, n_ways;
static uint64_t now, period;
static traffic_counts counts;
static struct {
  uintptr_t start;
  size_t bytes;
} rows[ROWS];
static struct {
  uint64_t number;
  uint64_t stored;  // one bit per byte; 0 = the write-combining line is empty
} combining;
static traffic_access_record *records;
static size_t records_capacity, n_records;

int traffic_cache(size_t sets, size_t ways) {
  free(lines);
  lines = calloc(sets * ways, sizeof *lines);
  if (lines == NULL) return -1;
  n_sets = sets;
  n_ways = ways;
  now = period = 0;
  combining.stored = 0;
  for (unsigned i = 0; i < ROWS; i++) rows[i].bytes = 0;
  traffic_record(NULL, 0);
  traffic_begin();
  return 0;
}

void traffic_row(unsigned number, const void *start, size_t bytes) {
  rows[number].start = (uintptr_t)start;
  rows[number].bytes = bytes;
}

void traffic_begin(void) {
  period++;
  counts = (traffic_counts){0};
}

traffic_counts traffic_now(void) {
  counts.lines_dirty = 0;
  for (size_t i = 0; i < n_sets * n_ways; i++) counts.lines_dirty += lines[i].dirtied != 0;
  return counts;
}

void traffic_record(traffic_access_record *into, size_t capacity) {
  records = into;
  records_capacity = capacity;
  n_records = 0;
}

size_t traffic_recorded(void) { return n_records; }

static void write_back(line *dirty) {
  if (dirty->dirtied == 0) return;
  counts.lines_written++;
  counts.lines_carried += dirty->dirtied < period;
  dirty->dirtied = 0;
}

static line *set_of(uint64_t number) { return lines + number % n_sets * n_ways; }

static line *cached(uint64_t number) {
  line *set = set_of(number);
  for (size_t way = 0; way < n_ways; way++)
    if (set[way].used != 0 && set[way].number == number) return &set[way];
  return NULL;
}

static line *fetch(uint64_t number) {
  line *set = set_of(number), *oldest = set;
  for (size_t way = 1; way < n_ways; way++)
    if (set[way].used < oldest->used) oldest = &set[way];
  write_back(oldest);
  *oldest = (line){.number = number};
  return oldest;
}

static void combining_leaves(void) {
  if (combining.stored == 0) return;
  counts.lines_written++;
  counts.lines_partial += combining.stored != UINT64_MAX;
  combining.stored = 0;
  line *copy = cached(combining.number);
  if (copy == NULL) return;
  write_back(copy);
  copy->used = 0;
}

static unsigned row_of(uintptr_t address) {
  for (unsigned i = 1; i < ROWS; i++)
    if (address - rows[i].start < rows[i].bytes) return i;
  return 0;
}

// Bytes start to end of one line.
static void access_line(uintptr_t start, uintptr_t end, enum traffic_kind kind) {
  const uint64_t number = start / LINE_BYTES;
  if (kind == TRAFFIC_STREAM) {
    const uint64_t ones = end - start == LINE_BYTES ? UINT64_MAX : (UINT64_C(1) << (end - start)) - 1;
    if (combining.number != number) combining_leaves();
    combining.number = number;
    combining.stored |= ones << start % LINE_BYTES;
    return;
  }
  line *found = cached(number);
  if (found == NULL) {
    (kind == TRAFFIC_STORE ? counts.lines_allocated : counts.lines_read)[row_of(start)]++;
    found = fetch(number);
  }
  found->used = ++now;
  if (kind == TRAFFIC_STORE) found->dirtied = period;
}

void traffic_flush(void) {
  combining_leaves();
  for (size_t i = 0; i < n_sets * n_ways; i++) write_back(&lines[i]);
}

void traffic_access(const void *start, size_t bytes, enum traffic_kind kind) {
  const uintptr_t address = (uintptr_t)start;
  if (lines == NULL || bytes == 0) return;
  // Byte by byte: those beyond a row's end are not the row's.
  for (size_t i = 0; i < bytes; i++)
    (kind == TRAFFIC_LOAD ? counts.bytes_loaded : counts.bytes_stored)[row_of(address + i)]++;
  if (records != NULL) {
    if (n_records < records_capacity)
      records[n_records] = (traffic_access_record){address, (uint32_t)bytes, (uint32_t)kind};
    n_records++;
  }
  for (uintptr_t at = address; at < address + bytes;) {
    const uintptr_t end_of_line = at / LINE_BYTES * LINE_BYTES + LINE_BYTES;
    const uintptr_t end = end_of_line < address + bytes ? end_of_line : address + bytes;
    access_line(at, end, kind);
    at = end;
  }
}
