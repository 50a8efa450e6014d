// SPDX-License-Identifier: Apache-2.0
//
// cache.h: one simulated cache, and what passes between it and memory while kernels run.
//
// The cache is set-associative, write-back and write-allocate, with least-recently-used replacement. A
// non-temporal store goes past it through one write-combining line, which leaves for memory when a store to
// another line follows; a cached copy of that line is given up then, so that a loop which loads a line and
// stores to it piece by piece fetches it once. There is no prefetcher, no second level and no other core:
// this counts the lines that a traffic model speaks of, not what one processor does.
//
// The text between the two cdef markers is also what Python's cffi reads.
#ifndef PASSLINE_TESTS_TRAFFIC_CACHE_H
#define PASSLINE_TESTS_TRAFFIC_CACHE_H

#include <stddef.h>
#include <stdint.h>

// cdef: begin
enum traffic_kind { TRAFFIC_LOAD, TRAFFIC_STORE, TRAFFIC_STREAM };

// Counts since traffic_begin, in lines of 64 bytes where nothing else is said.
typedef struct traffic_counts {
  // By the row of the access: 0 outside all rows, 1 to 3 as given to traffic_row.
  uint64_t lines_read[4];       // fetched because a load missed
  uint64_t lines_allocated[4];  // fetched because a store missed
  uint64_t bytes_loaded[4];
  uint64_t bytes_stored[4];
  // Of all rows.
  uint64_t lines_written;  // dirty lines evicted or flushed, and lines of non-temporal stores
  uint64_t lines_carried;  // of those written: dirtied before traffic_begin
  uint64_t lines_partial;  // of those written: left the write-combining line before all 64 bytes were stored
  uint64_t lines_dirty;    // dirty in the cache now
} traffic_counts;

typedef struct traffic_access_record {
  uint64_t address;
  uint32_t bytes;
  uint32_t kind;
} traffic_access_record;

// Starts with an empty cache and without rows. Returns 0, or -1 where memory does not suffice.
int traffic_cache(size_t sets, size_t ways);
// Row number 1 to 3 is these bytes.
void traffic_row(unsigned number, const void *start, size_t bytes);
// Counts from zero; the cache keeps its lines.
void traffic_begin(void);
traffic_counts traffic_now(void);
// Writes every dirty line back, and the write-combining line; clean copies stay.
void traffic_flush(void);
// Records every access from now on; NULL stops. traffic_recorded() may exceed the capacity: then the rest was
// dropped.
void traffic_record(traffic_access_record *records, size_t capacity);
size_t traffic_recorded(void);
// One access, which may cross lines.
void traffic_access(const void *start, size_t bytes, enum traffic_kind kind);
// cdef: end

#endif  // PASSLINE_TESTS_TRAFFIC_CACHE_H
